"""Scans made of arrays, for tests of what is said and shown about label maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flarecli.geometry import Grid
from flarecli.volume import Volume, canonical_grid
from flarecli.volume.source import SourceGeometry


def grid_of(
    shape_zyx: tuple[int, int, int],
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    directions: np.ndarray | None = None,
) -> Grid:
    """A canonical grid; spacing in (z, y, x), origin in (x, y, z), directions as columns of a 3x3 matrix."""
    affine_ras = np.eye(4)
    affine_ras[:3, :3] = (np.eye(3) if directions is None else directions) * spacing_mm[::-1]
    affine_ras[:3, 3] = origin_mm
    return Grid(shape_zyx, spacing_mm, affine_ras)


def volume_of(voxels: np.ndarray, grid: Grid | None = None) -> Volume:
    """A scan of int16 HU, by default of 1 mm voxels."""
    grid = grid or grid_of(voxels.shape)
    source = SourceGeometry.of_affine(voxels.shape[::-1], grid.affine_ras)
    assert canonical_grid(source).shape_zyx == grid.shape_zyx
    return Volume(voxels.astype(np.int16), grid, source, Path("scan.nii.gz"))


def ball(
    shape_zyx: tuple[int, int, int],
    centre: tuple[float, float, float],
    radius_mm: float,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> np.ndarray:
    """Mask of a ball; the centre is an index (z, y, x)."""
    offsets = ((np.arange(n) - c) * step for n, c, step in zip(shape_zyx, centre, spacing_mm, strict=True))
    return sum(part**2 for part in np.meshgrid(*offsets, indexing="ij", sparse=True)) < radius_mm**2
