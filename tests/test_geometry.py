"""Windows of whole voxels: the boxes they come from, and what touches their faces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from flarecli.errors import InputError
from flarecli.geometry import (
    Box,
    Grid,
    bounding_window,
    box_of_window,
    content_window,
    cut_faces,
    whole_window,
    window_of_box,
)

TOUCH_AREA_MM2 = 20.0


def grid_of(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float] = (3.0, 2.0, 1.0)) -> Grid:
    return Grid(shape, spacing_mm, np.diag([*spacing_mm[::-1], 1.0]))


def test_the_whole_window_is_the_whole_grid() -> None:
    grid = grid_of((20, 30, 40))
    window = whole_window(grid)
    assert window == (slice(0, 20), slice(0, 30), slice(0, 40))
    assert box_of_window(window, grid) == Box((0.0, 0.0, 0.0), grid.extent_mm)


def test_a_box_takes_the_voxels_that_it_meets() -> None:
    grid = grid_of((20, 30, 40))
    window = window_of_box(Box((3.5, -10.0, 39.5), (9.0, 4.1, 90.0)), grid)
    assert window == (slice(1, 3), slice(0, 3), slice(39, 40))
    assert box_of_window(window, grid) == Box((3.0, 0.0, 39.0), (9.0, 6.0, 40.0))


@pytest.mark.parametrize("start", [60.0, -30.0])
def test_a_box_beside_the_scan_is_refused(start: float) -> None:
    with pytest.raises(InputError, match="outside the scan") as caught:
        window_of_box(Box((start, 0, 0), (start + 20, 10, 10)), grid_of((20, 30, 40)))
    assert "--roi full" in caught.value.remedy


FACES = {
    "inferior": (0, 0),
    "superior": (0, -1),
    "posterior": (1, 0),
    "anterior": (1, -1),
    "left": (2, 0),
    "right": (2, -1),
}


@pytest.mark.parametrize("name", FACES)
def test_a_face_that_cuts_an_organ_is_named(name: str) -> None:
    axis, end = FACES[name]
    labels = np.zeros((10, 20, 40), np.uint8)
    patch = [slice(4, 9)] * 3
    patch[axis] = slice(end, None) if end else slice(0, 1)
    labels[tuple(patch)] = 3
    window = (slice(5, 15), slice(5, 25), slice(5, 45))
    assert cut_faces(labels, window, grid_of((30, 30, 60)), TOUCH_AREA_MM2) == (name,)
    whole = (slice(0, 10), slice(0, 20), slice(0, 40))
    assert cut_faces(labels, whole, grid_of((10, 20, 40)), TOUCH_AREA_MM2) == ()


def test_a_few_voxels_at_a_face_are_no_cut() -> None:
    labels = np.zeros((10, 10, 10), np.uint8)
    window = (slice(5, 15), slice(5, 15), slice(5, 15))
    grid = grid_of((30, 30, 30))
    labels[0, 2:4, 2:7] = 1
    assert cut_faces(labels, window, grid, TOUCH_AREA_MM2) == (), "10 voxels of 2 mm² are the limit"
    labels[0, 4, 2] = 1
    assert cut_faces(labels, window, grid, TOUCH_AREA_MM2) == ("inferior",)


@given(
    array_shapes(min_dims=3, max_dims=3, max_side=9).flatmap(
        lambda shape: arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 0, 0, 4]))
    ),
    st.permutations([0, 1, 2]),
)
def test_content_is_bounded_whatever_the_strides(volume: np.ndarray, order: list[int]) -> None:
    for stored in (volume, volume.transpose(order), volume[::-1, :, ::-1], volume > 0):
        window = bounding_window(stored)
        if window is None:
            assert not stored.any()
            assert content_window(stored) == tuple(slice(0, size) for size in stored.shape)
            continue
        places = np.argwhere(stored)
        assert window == tuple(slice(low, high + 1) for low, high in zip(places.min(0), places.max(0), strict=True))
        assert content_window(stored) == window


def test_the_window_of_two_masks_holds_both() -> None:
    first, second = np.zeros((2, 4, 5, 6), bool)
    first[1, 1, 1] = second[2, 3, 5] = True
    assert bounding_window(first, second) == (slice(1, 3), slice(1, 4), slice(1, 6))
