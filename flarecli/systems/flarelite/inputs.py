"""The inputs of flarelite's networks: a window of the scan on their grid, clipped, scaled, padded with air."""

from __future__ import annotations

import numpy as np

from flarecli.resample import area_matrix, linear_matrix, resample_separable
from flarecli.systems.flarelite.constants import FlareliteConstants
from flarecli.systems.flarelite.network_grid import NetworkGrid


def image_input(voxels: np.ndarray, grid: NetworkGrid, constants: FlareliteConstants) -> np.ndarray:
    """Resample the grid's window of the scan, clip and scale it: averages where it is finer than the grid, else linear.

    Args:
        voxels: The scan, int16 HU, shape (z, y, x), canonical RAS+.
        grid: Where to.

    Returns:
        float32 array of shape `grid.padded_zyx`.
    """
    seen = voxels[grid.window]
    matrices = (
        area_matrix(n_in, n_out) if n_out < n_in else linear_matrix(n_in, n_out)
        for n_in, n_out in zip(seen.shape, grid.shape_zyx, strict=True)
    )
    image = np.full(grid.padded_zyx, constants.window_hu[0] / constants.scale_hu, np.float32)
    image[grid.inside] = scaled_intensities(resample_separable(seen, *matrices), constants)
    return image


def scaled_intensities(hu: np.ndarray, constants: FlareliteConstants) -> np.ndarray:
    """HU clipped and scaled for the networks; float32 of the same shape."""
    clipped = np.clip(hu, *constants.window_hu, dtype=np.float32, casting="unsafe")
    return clipped / np.float32(constants.scale_hu)
