from __future__ import annotations

import numpy as np
import pytest

from flarecli.pictures.mask_coverage import SplineAxis, mask_coverage


def whole_coverage(mask: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Coverage of every pixel, (rows, columns)."""
    axes = [SplineAxis.between(n, n_px) for n, n_px in zip(mask.shape, size_px, strict=True)]
    place, coverage = mask_coverage(mask, *axes)
    picture = np.zeros(size_px, np.float32)
    picture[place] = coverage
    return picture


@pytest.mark.parametrize(("length", "length_px"), [(2, 500), (40, 400), (300, 300), (512, 390), (900, 100)])
def test_weights_keep_constants_and_places(length: int, length_px: int) -> None:
    axis = SplineAxis.between(length, length_px)
    everywhere = slice(0, length_px)
    np.testing.assert_allclose(axis.sample(np.ones((length, 2)), everywhere), 1, rtol=1e-6)
    ramp = axis.sample(np.arange(length, dtype=np.float32)[:, np.newaxis], everywhere)[:, 0]
    expected = (np.arange(length_px) + 0.5) * length / length_px - 0.5
    piece = max(1.0, 1.5 * length / length_px)
    inner = (expected > 1.5 * piece) & (expected < length - 1 - 1.5 * piece)
    np.testing.assert_allclose(ramp[inner], expected[inner], atol=1e-2 * length / length_px + 1e-3)


@pytest.mark.parametrize("size_px", [(120, 90), (31, 200), (12, 10)])
def test_only_pixels_beyond_the_returned_place_have_no_coverage(size_px: tuple[int, int]) -> None:
    mask = np.zeros((30, 25), bool)
    mask[11:15, 3:5] = True
    axes = [SplineAxis.between(n, n_px) for n, n_px in zip(mask.shape, size_px, strict=True)]
    everywhere = [slice(0, n_px) for n_px in size_px]
    full = axes[1].sample(axes[0].sample(mask, everywhere[0]).T, everywhere[1]).T
    np.testing.assert_allclose(whole_coverage(mask, size_px), full, atol=1e-6)


def test_a_single_voxel_is_not_lost() -> None:
    mask = np.zeros((20, 20), bool)
    mask[7, 9] = True
    assert whole_coverage(mask, (200, 200)).max() == pytest.approx(0.75**2, abs=0.01)


@pytest.mark.parametrize("px_per_voxel", [0.8, 1.0, 1.3, 4.0])
def test_the_border_of_a_disc_lies_where_it_should(px_per_voxel: float) -> None:
    voxels, radius = 60, 20.0
    distance = np.hypot(*np.meshgrid(*[np.arange(voxels) - 29.5] * 2))
    size = round(voxels * px_per_voxel)
    inside = whole_coverage(distance < radius, (size, size)) > 0.5
    assert np.sqrt(inside.sum() / np.pi) == pytest.approx(radius * px_per_voxel, abs=0.5)
