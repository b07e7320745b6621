"""The inputs of the two networks of EfficientSegNet: a window of the scan, resized, clipped and standardised."""

from __future__ import annotations

import numpy as np

from flarecli.resample import aligned_matrix, resample_separable
from flarecli.systems.efficientsegnet.constants import EfficientSegNetConstants


def network_input(
    voxels: np.ndarray, shape_zyx: tuple[int, int, int], constants: EfficientSegNetConstants
) -> np.ndarray:
    """Resize to the network's size by linear interpolation between outermost voxel centres, clip, standardise.

    Nothing is smoothed where the size shrinks, as in the code. Mean and (N - 1) standard deviation are those of the
    resized, clipped image.

    Args:
        voxels: int16 HU, shape (z, y, x), canonical RAS+: the scan or a window of it.
        shape_zyx: Size of the network's input.

    Returns:
        float32 array of shape `shape_zyx`.
    """
    image = resized_hu(voxels, shape_zyx)
    np.clip(image, *constants.window_hu, out=image)
    deviation = image.std(ddof=1, dtype=np.float64)
    image -= np.float32(image.mean(dtype=np.float64))
    image /= np.float32(deviation + constants.deviation_epsilon)
    return image


def resized_hu(voxels: np.ndarray, shape_zyx: tuple[int, int, int]) -> np.ndarray:
    """A window of the scan in the network's size, the outermost voxel centres kept: float32 HU."""
    matrices = (aligned_matrix(n_in, n_out) for n_in, n_out in zip(voxels.shape, shape_zyx, strict=True))
    return resample_separable(voxels, *matrices)
