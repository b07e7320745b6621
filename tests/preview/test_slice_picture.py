from __future__ import annotations

import numpy as np
import pytest

from flarecli.organs import ORGANS
from flarecli.preview.slice_picture import draw_slice


def pixels(voxels: np.ndarray, labels: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    return np.asarray(draw_slice(voxels.astype(np.int16), labels.astype(np.uint8), size_px)).astype(int)


def disc(voxels: int, radius: float) -> np.ndarray:
    return np.hypot(*np.meshgrid(*[np.arange(voxels) - (voxels - 1) / 2] * 2)) < radius


@pytest.mark.parametrize(("hu", "grey"), [(-32768, 0), (-1000, 0), (-150, 0), (50, 128), (250, 255), (32767, 255)])
def test_grey_values_follow_the_soft_tissue_window(hu: int, grey: int) -> None:
    shown = pixels(np.full((6, 6), hu), np.zeros((6, 6)), (20, 30))
    assert shown.shape == (30, 20, 3)
    assert (shown == grey).all()


def test_rows_and_columns_stay_where_they_are() -> None:
    voxels = np.full((10, 10), -1000)
    voxels[:5, :5] = 250
    shown = pixels(voxels, np.zeros((10, 10)), (40, 20))[..., 0]
    assert (shown[:8, :16] == 255).all()
    assert not shown[12:].any()
    assert not shown[:, 24:].any()


@pytest.mark.parametrize("organ", ORGANS, ids=lambda organ: organ.name)
@pytest.mark.parametrize("px_per_voxel", [0.75, 1.0, 4.0])
def test_an_organ_is_outlined_and_lightly_filled_in_its_colour(organ: object, px_per_voxel: float) -> None:
    colour = np.array(organ.colour)
    size = round(80 * px_per_voxel)
    shown = pixels(np.full((80, 80), -50), np.where(disc(80, 25.0), organ.label, 0), (size, size))
    centre = (np.arange(size) + 0.5) - size / 2
    distance_px = np.hypot(*np.meshgrid(centre, centre)) - 25.0 * px_per_voxel
    outside, inside = shown[distance_px > 3], shown[distance_px < -3]
    assert (outside == 64).all()
    np.testing.assert_allclose(inside, np.broadcast_to(64 + 0.2 * (colour - 64), inside.shape), atol=1)
    strength = np.linalg.norm(shown - 64, axis=2) / np.linalg.norm(colour - 64)
    angles = np.arctan2(*np.meshgrid(centre, centre))
    for angle in np.linspace(-3, 3, 25):  # a line without gaps
        near = (np.abs(angles - angle) < 0.1) & (np.abs(distance_px) < 1.5)
        assert strength[near].max() > 0.6


def test_the_outline_is_anti_aliased() -> None:
    shown = pixels(np.full((80, 80), -1000), disc(80, 25.0), (320, 320))[..., 0]
    assert len(np.unique(shown)) > 10


def test_an_organ_at_the_edge_of_the_picture_is_drawn() -> None:
    labels = np.zeros((6, 6))
    labels[0, 0] = 1
    shown = pixels(np.full((6, 6), -1000), labels, (60, 60))
    assert shown[0, 0].any()
    assert not shown[30:].any()


def test_one_voxel_is_drawn() -> None:
    labels = np.zeros((50, 50))
    labels[20, 30] = 4
    shown = pixels(np.full((50, 50), -1000), labels, (100, 100))
    assert shown[39:43, 59:63].max() > 100


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2)])
@pytest.mark.parametrize("size_px", [(2, 2), (2, 200), (200, 2)])
def test_any_shape_at_any_size(shape: tuple[int, int], size_px: tuple[int, int]) -> None:
    assert pixels(np.zeros(shape), np.ones(shape), size_px).shape == (size_px[1], size_px[0], 3)
