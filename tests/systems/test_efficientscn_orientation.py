"""The boundary between the canonical grid and LPS."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flarecli.geometry import Box, Grid
from flarecli.systems.efficientscn import EfficientScnConstants
from flarecli.systems.efficientscn.orientation import LpsFrame, flipped_view

corner = st.tuples(*[st.floats(-500, 500)] * 3)


def frame_of(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], **constants: object) -> LpsFrame:
    grid = Grid(shape, spacing_mm, np.diag([*spacing_mm[::-1], 1.0]))
    return LpsFrame.of_grid(grid, EfficientScnConstants(**constants))


def test_flipped_view_reverses_y_and_x_without_a_copy() -> None:
    array = np.arange(24).reshape(2, 3, 4)
    view = flipped_view(array)
    assert np.shares_memory(view, array)
    assert view[1, 0, 0] == array[1, 2, 3]
    np.testing.assert_array_equal(flipped_view(view), array)


def test_a_box_covers_the_same_voxels_in_both_frames() -> None:
    frame = frame_of((10, 20, 30), (5.0, 2.0, 3.0))
    array = np.zeros((10, 20, 30))
    array[1:4, 2:6, 5:11] = 1
    box = frame.from_canonical(Box((5, 4, 15), (20, 12, 33)))
    inside = np.argwhere(flipped_view(array)) * [5, 2, 3]
    assert box.start_mm == tuple(inside.min(axis=0))
    assert box.end_mm == tuple(np.add(inside.max(axis=0), [5, 2, 3]))


@given(corner, corner)
def test_there_and_back(start: tuple[float, ...], extent: tuple[float, ...]) -> None:
    box = Box(start, tuple(a + b for a, b in zip(start, extent, strict=True)))
    frame = frame_of((99, 512, 400), (2.5, 0.75, 0.8))
    back = frame.to_canonical(frame.from_canonical(box))
    np.testing.assert_allclose(back.start_mm, box.start_mm, atol=1e-9)
    np.testing.assert_allclose(back.end_mm, box.end_mm, atol=1e-9)


def test_a_genuine_1_mm_scan_keeps_its_spacing() -> None:
    assert frame_of((10, 20, 30), (1.0, 1.0, 1.0)).spacing_mm == (1.0, 1.0, 1.0)


def test_the_authors_assumption_on_1_mm_scans_can_be_switched_on() -> None:
    assumed = (2.52795318268203, 0.814528640267884, 0.814528640267884)
    frame = frame_of((10, 20, 30), (1.0, 1.0, 1.0), assumed_spacing_of_unit_mm=assumed)
    assert frame.spacing_mm == assumed
    assert frame.extent_mm == pytest.approx((25.28, 16.29, 24.44), abs=0.01)
    whole = Box((0, 0, 0), (10, 20, 30))
    assert frame.from_canonical(whole).end_mm == pytest.approx(frame.extent_mm)
    assert frame.to_canonical(frame.from_canonical(whole)).end_mm == pytest.approx(whole.end_mm)
    other = frame_of((10, 20, 30), (1.0, 1.0, 2.0), assumed_spacing_of_unit_mm=assumed)
    assert other.spacing_mm == (1.0, 1.0, 2.0)
