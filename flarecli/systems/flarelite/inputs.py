"""What the networks of flarelite see: a window of the scan on a nearly isotropic grid, padded with air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.resample import area_matrix, linear_matrix, resample_separable
from flarecli.systems.flarelite.constants import FlareliteConstants


@dataclass(frozen=True)
class NetworkGrid:
    """The grid that a network sees a window of the scan on.

    Attributes:
        shape_zyx: Voxels that cover the window edge to edge.
        spacing_mm: Their size.
        padded_zyx: Voxels of the network's input; those beyond `shape_zyx`, at the upper ends, hold air.
    """

    shape_zyx: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    padded_zyx: tuple[int, int, int]

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        z, y, x = self.spacing_mm
        return z * y * x

    @property
    def inside(self) -> tuple[slice, slice, slice]:
        """The part of the network's input that shows the window."""
        z, y, x = (slice(0, size) for size in self.shape_zyx)
        return z, y, x


def network_grid(extent_mm: tuple[float, float, float], spacing_mm: float, multiple: int) -> NetworkGrid:
    """The grid over a window of this extent: whole voxels of about this size, rounded up to the multiple."""
    shape = tuple(max(1, round(extent / spacing_mm)) for extent in extent_mm)
    z, y, x = (extent / size for extent, size in zip(extent_mm, shape, strict=True))
    padded_z, padded_y, padded_x = (-(-size // multiple) * multiple for size in shape)
    return NetworkGrid((shape[0], shape[1], shape[2]), (z, y, x), (padded_z, padded_y, padded_x))


def image_input(voxels: np.ndarray, grid: NetworkGrid, constants: FlareliteConstants) -> np.ndarray:
    """Resample a window of the scan, clip and scale it: averages where it is finer than the grid, else linear.

    Args:
        voxels: int16 HU, shape (z, y, x), canonical RAS+.
        grid: Where to.

    Returns:
        float32 array of shape `grid.padded_zyx`.
    """
    matrices = (
        area_matrix(n_in, n_out) if n_out < n_in else linear_matrix(n_in, n_out)
        for n_in, n_out in zip(voxels.shape, grid.shape_zyx, strict=True)
    )
    image = np.full(grid.padded_zyx, constants.window_hu[0] / constants.scale_hu, np.float32)
    image[grid.inside] = scaled_intensities(resample_separable(voxels, *matrices), constants)
    return image


def scaled_intensities(hu: np.ndarray, constants: FlareliteConstants) -> np.ndarray:
    """HU clipped and scaled for the networks; float32 of the same shape."""
    clipped = np.clip(hu, *constants.window_hu, dtype=np.float32, casting="unsafe")
    return clipped / np.float32(constants.scale_hu)
