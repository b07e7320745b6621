"""What may be asked of a system."""

from __future__ import annotations

import pytest

from flarecli.errors import UsageError
from flarecli.geometry import Box
from flarecli.systems.base import RegionRequest

BOX = Box((0, 0, 0), (10, 20, 30))


def test_modes_that_go_together_with_their_box() -> None:
    assert RegionRequest().mode == "auto"
    assert RegionRequest("full").box_mm is None
    assert RegionRequest("box", BOX).box_mm == BOX


@pytest.mark.parametrize(("mode", "box"), [("box", None), ("auto", BOX), ("full", BOX)])
def test_modes_that_do_not(mode: str, box: Box | None) -> None:
    with pytest.raises(UsageError, match=f"mode '{mode}'"):
        RegionRequest(mode, box)


@pytest.mark.parametrize("end", [(10, 20, 0), (-1, 20, 30), (10, float("nan"), 30)])
def test_an_empty_box_is_refused(end: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError, match="empty"):
        RegionRequest("box", Box((0, 0, 0), end))


def test_an_unknown_mode_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="seen: whole; expected: one of auto, full, box"):
        RegionRequest("whole")
