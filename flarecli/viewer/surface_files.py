"""Surfaces of organs in MZ3, which NiiVue reads faster than its other formats."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from flarecli.geometry import Grid
from flarecli.meshes.surface import Surface, surface_of

_FINEST_MM = 2.0
"""Finer voxels are left out: they do not show in a picture of the whole abdomen."""

_SMOOTHING_MM = 2.0
_MAGIC = 23117
_HAS_FACES_AND_VERTICES = 3


def thinned(labels: NDArray[np.uint8], grid: Grid) -> tuple[NDArray[np.uint8], Grid]:
    """Every n-th voxel along each axis, so that voxels are about 2 mm apart; a copy."""
    steps = [max(1, int(_FINEST_MM / spacing)) for spacing in grid.spacing_mm]
    thin = labels[:: steps[0], :: steps[1], :: steps[2]].copy()
    affine = grid.affine_ras.copy()
    affine[:3, :3] = grid.affine_ras[:3, :3] * steps[::-1]
    z, y, x = (spacing * step for spacing, step in zip(grid.spacing_mm, steps, strict=True))
    return thin, Grid((thin.shape[0], thin.shape[1], thin.shape[2]), (z, y, x), affine)


def surface_file(labels: NDArray[np.uint8], grid: Grid, label: int) -> bytes | None:
    """The surface of a label as an MZ3 file; None where it is absent, or so thin that nothing remains."""
    mask = labels == label
    if not mask.any():
        return None
    try:
        surface = surface_of(mask, grid, _SMOOTHING_MM)
    except (RuntimeError, ValueError):  # skimage: no surface at this level
        return None
    return None if surface is None or not len(surface.faces) else mz3(surface)


def mz3(surface: Surface) -> bytes:
    """A mesh as MZ3. Source: the format's description in Surf Ice, `mz3/README.md`."""
    header = struct.pack("<HHIII", _MAGIC, _HAS_FACES_AND_VERTICES, len(surface.faces), len(surface.vertices_ras), 0)
    return header + surface.faces.astype("<i4").tobytes() + surface.vertices_ras.astype("<f4").tobytes()
