"""Windows of whole voxels: the boxes they come from, and what touches their faces."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.geometry import Box, Grid, box_of_window, cut_faces, whole_window, window_of_box

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
