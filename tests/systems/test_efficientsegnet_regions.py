"""Windows around the coarse organs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flarecli.geometry import Grid
from flarecli.systems.efficientsegnet import EfficientSegNetConstants
from flarecli.systems.efficientsegnet.regions import window_around_mask
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


def test_the_box_without_margin_is_that_of_the_published_program() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_prepost.npz")) as fixture:
        grid = grid_of(tuple(fixture["bbox/raw_shape"].tolist()), tuple(fixture["bbox/spacing_zyx"].tolist()))
        mask, expected = fixture["bbox/coarse_mask"] > 0, fixture["bbox/raw_bbox"]
        inside = np.argwhere(mask)
        assert (
            np.stack([inside.min(axis=0), inside.max(axis=0)], axis=1).tolist() == fixture["bbox/coarse_bbox"].tolist()
        )
    window = window_around_mask(mask, grid, replace(CONSTANTS, region_margin_mm=0))
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
