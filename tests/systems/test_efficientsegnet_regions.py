"""Windows around the coarse organs, and what touches their faces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flarecli.errors import InputError
from flarecli.geometry import Box, Grid
from flarecli.systems.efficientsegnet import EfficientSegNetConstants
from flarecli.systems.efficientsegnet.regions import box_of_window, cut_faces, window_around_mask, window_of_box
from tests.shared_data import shared_path

CONSTANTS = EfficientSegNetConstants()


def grid_of(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float] = (3.0, 2.0, 1.0)) -> Grid:
    return Grid(shape, spacing_mm, np.diag([*spacing_mm[::-1], 1.0]))


@pytest.mark.parametrize("margin_mm", [20, 2])
def test_the_window_is_that_of_the_published_program(margin_mm: int) -> None:
    with np.load(shared_path("fixtures/efficientsegnet_prepost.npz")) as fixture:
        grid = grid_of(tuple(fixture["bbox/raw_shape"].tolist()), tuple(fixture["bbox/spacing_zyx"].tolist()))
        mask = fixture["bbox/coarse_mask"] > 0
        expected = fixture[f"bbox/crop_bbox_ext{margin_mm}"]
    window = window_around_mask(mask, grid, replace(CONSTANTS, region_margin_mm=margin_mm))
    assert [edge for part in window for edge in (part.start, part.stop)] == expected.tolist()


def test_the_window_by_hand() -> None:
    mask = np.zeros((10, 10, 10), bool)
    mask[4:6, 2, 7:10] = True
    # Twice, three times and one time as many voxels; margins of 20/3, 10 and 20 voxels; ends at the last index.
    window = window_around_mask(mask, grid_of((20, 30, 10)), CONSTANTS)
    assert window == (slice(1, 16), slice(0, 16), slice(0, 10))


def test_an_empty_mask_has_no_window() -> None:
    assert window_around_mask(np.zeros((4, 4, 4), bool), grid_of((9, 9, 9)), CONSTANTS) is None


@settings(deadline=None, max_examples=80)
@given(
    st.tuples(*[st.integers(1, 60)] * 3),
    st.tuples(*[st.floats(0.4, 45.0)] * 3),
    st.integers(0, 2**31),
)
def test_a_window_is_never_empty_and_stays_in_the_scan(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], seed: int
) -> None:
    mask = np.zeros((8, 8, 8), bool)
    mask[tuple(np.random.default_rng(seed).integers(0, 8, 3))] = True
    for part, size in zip(window_around_mask(mask, grid_of(shape, spacing_mm), CONSTANTS), shape, strict=True):
        assert 0 <= part.start < part.stop <= size


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
    assert cut_faces(labels, window, grid_of((30, 30, 60)), CONSTANTS) == (name,)
    whole = (slice(0, 10), slice(0, 20), slice(0, 40))
    assert cut_faces(labels, whole, grid_of((10, 20, 40)), CONSTANTS) == ()


def test_a_few_voxels_at_a_face_are_no_cut() -> None:
    labels = np.zeros((10, 10, 10), np.uint8)
    window = (slice(5, 15), slice(5, 15), slice(5, 15))
    grid = grid_of((30, 30, 30))
    labels[0, 2:4, 2:7] = 1
    assert cut_faces(labels, window, grid, CONSTANTS) == (), "10 voxels of 2 mm² are the limit"
    labels[0, 4, 2] = 1
    assert cut_faces(labels, window, grid, CONSTANTS) == ("inferior",)
