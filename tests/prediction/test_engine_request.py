"""Numbers that are asked of the engine: kept as plain ones, or refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from flarecli.errors import UsageError
from flarecli.prediction.predictor import EngineRequest

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize("threads", [4, 4.0, 8 / 2, np.int64(4), np.uint8(4), np.float32(4), Fraction(4)])
def test_whole_numbers_of_threads(threads: Any) -> None:
    kept = EngineRequest(threads=threads).threads
    assert kept == 4
    assert type(kept) is int


@pytest.mark.parametrize("threads", [2.5, True, np.True_, "4", float("nan"), float("inf"), [4], np.float32(0.5), 4j])
def test_what_is_no_number_of_threads(threads: Any) -> None:
    with pytest.raises(UsageError, match=r"threads is not a (whole )?number"):
        EngineRequest(threads=threads)


def test_limits_of_gpu_memory() -> None:
    assert EngineRequest().max_gpu_mb is None
    for limit in (2000, 2000.5, np.float32(2000.5), np.int32(2000)):
        kept = EngineRequest(max_gpu_mb=limit).max_gpu_mb
        assert kept == limit
        assert type(kept) in (int, float)
    for wrong in (True, "2000", float("nan"), float("inf")):
        with pytest.raises(UsageError, match="max_gpu_mb is not a number"):
            EngineRequest(max_gpu_mb=wrong)  # type: ignore[arg-type]
