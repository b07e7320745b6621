"""Scans and label maps on coarser grids, for pages of limited size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from flarecli.geometry import Grid
from flarecli.resample.axis import area_matrix
from flarecli.resample.majority_vote import majority_labels
from flarecli.resample.streaming import resample_separable

MOST_VOXELS_ALONG = 2048
"""Largest size of a 3-D texture along one axis in every current WebGL 2."""


def coarser_grid(grid: Grid, most_voxels: float) -> Grid:
    """The grid of at most so many voxels that covers the same box, the finest axes first made coarser.

    Returns:
        The grid itself where it is small enough.
    """
    shape = grid.shape_zyx
    spacing_mm = min(grid.spacing_mm)
    while math.prod(shape) > most_voxels or max(shape) > MOST_VOXELS_ALONG:
        spacing_mm *= 1.02
        z, y, x = (
            max(1, min(size, round(size * step / spacing_mm)))
            for size, step in zip(grid.shape_zyx, grid.spacing_mm, strict=True)
        )
        shape = (z, y, x)
        if max(shape) == 1:
            break
    return grid if shape == grid.shape_zyx else resized(grid, shape)


def resized(grid: Grid, shape_zyx: tuple[int, int, int]) -> Grid:
    """A grid of another shape that covers the same box."""
    scale = np.array(grid.shape_zyx, np.float64) / shape_zyx
    affine = grid.affine_ras.copy()
    affine[:3, :3] = grid.affine_ras[:3, :3] * scale[::-1]
    affine[:3, 3] += grid.affine_ras[:3, :3] @ ((scale[::-1] - 1) / 2)
    z, y, x = (float(step * factor) for step, factor in zip(grid.spacing_mm, scale, strict=True))
    return Grid(shape_zyx, (z, y, x), affine)


def reduced_scan(voxels: NDArray[np.int16], shape_zyx: tuple[int, int, int]) -> NDArray[np.int16]:
    """HU averaged over the voxels of a coarser grid."""
    if voxels.shape == shape_zyx:
        return voxels
    means = resample_separable(voxels, *_matrices(voxels.shape, shape_zyx))
    return np.rint(means, out=means).astype(np.int16)


def reduced_labels(labels: NDArray[np.uint8], shape_zyx: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The label that fills most of each voxel of a coarser grid."""
    return labels if labels.shape == shape_zyx else majority_labels(labels, _matrices(labels.shape, shape_zyx))


def _matrices(shape_in: tuple[int, ...], shape_out: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z, y, x = (area_matrix(n_in, n_out).astype(np.float32) for n_in, n_out in zip(shape_in, shape_out, strict=True))
    return z, y, x
