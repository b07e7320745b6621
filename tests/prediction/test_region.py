"""Regions are checked where they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flarecli.errors import UsageError
from flarecli.prediction.region import checked_region, parsed_region

BOX = (0.0, 1.0, 2.0, 10.0, -1.0, 5.0)


@pytest.mark.parametrize("region", [BOX, list(BOX), np.array(BOX)])
def test_boxes(region: Any) -> None:
    assert checked_region(region) == BOX
    assert parsed_region("0, 1,2,1e1,-1,5") == BOX


@pytest.mark.parametrize(
    "region",
    [
        *((0, 0, 0), (), (0,) * 6, (0, 0, 0, 1, 1, float("nan")), (0, 0, 0, 1, 1, float("inf")), (0, 0, 0, 1, 0, 1)),
        *("box", "", "AUTO", None, 7, ("a",) * 6, [[1, 2, 3], [4, 5, 6]], {"x": 1}),
    ],
)
def test_what_is_no_region(region: Any) -> None:
    with pytest.raises(UsageError, match="the region to segment cannot be read"):
        checked_region(region)
