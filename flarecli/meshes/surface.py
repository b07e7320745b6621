"""The surface of an organ as a closed triangle mesh that encloses its volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.measure import marching_cubes

from flarecli.geometry import Grid, bounding_window

_SMOOTHING_MM = 1.0
"""Standard deviation of the Gaussian that takes the steps of voxels off the surface."""

_VOLUME_TOLERANCE = 0.002  # relative
_TRIALS = 8
_REACH = 4  # standard deviations that the filter looks at on either side


@dataclass(frozen=True)
class Surface:
    """A closed triangle mesh.

    Attributes:
        vertices_ras: float32 array of shape (vertices, 3): world mm, x to the Right, y to Anterior, z to Superior.
        faces: int32 array of shape (triangles, 3): indices of vertices, counter-clockwise seen from outside.
    """

    vertices_ras: np.ndarray
    faces: np.ndarray

    @property
    def volume_ml(self) -> float:
        """Enclosed volume, by the divergence theorem."""
        a, b, c = (self.vertices_ras[self.faces[:, corner]].astype(np.float64) for corner in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6000.0)


def surface_of(mask: np.ndarray, grid: Grid, smoothing_mm: float = _SMOOTHING_MM) -> Surface | None:
    """The surface of a mask.

    The mask is smoothed, and the level of the surface chosen such that it encloses the volume of the mask.

    Args:
        mask: bool array in canonical RAS+, shape (z, y, x).
        grid: Where it lies.
        smoothing_mm: Standard deviation of the Gaussian; 0 follows the voxels.

    Returns:
        The mesh; None where the mask is empty.
    """
    window = bounding_window(mask)
    if window is None:
        return None
    sigma = [smoothing_mm / step for step in grid.spacing_mm]
    margin = [int(np.ceil(_REACH * width)) + 1 for width in sigma]
    inside = np.pad(mask[window], [(size, size) for size in margin]).astype(np.float32)
    smooth = gaussian_filter(inside, sigma, mode="constant", truncate=_REACH) if smoothing_mm else inside
    start = [part.start - size for part, size in zip(window, margin, strict=True)]
    wanted_ml = float(np.count_nonzero(mask[window])) * grid.voxel_ml
    low, high = 0.0, float(smooth.max())
    level = high / 2
    for _ in range(_TRIALS):
        surface = _surface_at(smooth, level, start, grid)
        if abs(surface.volume_ml / wanted_ml - 1) <= _VOLUME_TOLERANCE or not smoothing_mm:
            break
        low, high = (level, high) if surface.volume_ml > wanted_ml else (low, level)
        level = (low + high) / 2
    return surface


def _surface_at(smooth: np.ndarray, level: float, start_zyx: list[int], grid: Grid) -> Surface:
    """The surface of one level of a smoothed mask, whose first voxel has the given index in the grid."""
    vertices_zyx, faces, _, _ = marching_cubes(smooth, level, allow_degenerate=False)
    index_xyz = (vertices_zyx + start_zyx)[:, ::-1]
    vertices = index_xyz @ grid.affine_ras[:3, :3].T + grid.affine_ras[:3, 3]
    surface = Surface(vertices.astype(np.float32), faces.astype(np.int32))
    return surface if surface.volume_ml > 0 else Surface(surface.vertices_ras, surface.faces[:, ::-1])
