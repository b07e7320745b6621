"""Small parts of EfficientSCN's localization mask, in `flare` and in the exported runner."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from flarecli.export.runner.components import without_small_components
from flarecli.systems.efficientscn.stray_parts import without_stray_parts


@pytest.mark.parametrize("leave_out", [without_stray_parts, without_small_components])
class TestLeavingOut:
    def test_small_parts_go_and_corners_connect(self, leave_out: Callable[[np.ndarray, float], np.ndarray]) -> None:
        mask = np.zeros((12, 12, 12), bool)
        mask[:4, :4, :4] = True
        mask[4:6, 4:6, 4:6] = True  # touches by a corner
        mask[9:11, 9:11, 9:11] = True
        expected = mask.copy()
        expected[9:11, 9:11, 9:11] = False
        assert np.array_equal(leave_out(mask, 8.5), expected)
        assert np.array_equal(leave_out(mask, 8.0), mask)
        assert np.array_equal(leave_out(mask, 0.0), mask)

    def test_the_largest_part_stays(self, leave_out: Callable[[np.ndarray, float], np.ndarray]) -> None:
        mask = np.zeros((5, 5, 9), bool)
        mask[2, 2, 2:4] = mask[0, 0, 0] = True
        left = leave_out(mask, 70.0)
        assert np.flatnonzero(left).tolist() == np.flatnonzero(mask)[1:].tolist()
        assert not leave_out(np.zeros((3, 4, 5), bool), 70.0).any()
