"""The input of the network: axial slices, turned, resized, each rescaled and normalised by itself.

The authors' code also normalises the whole scan first, which has no effect after the rescaling between the slice's own
percentiles.
"""

from __future__ import annotations

import numpy as np

from flarecli.systems.vgg13.constants import Vgg13Constants
from flarecli.systems.vgg13.orientation import turned_view

_WHITE = 255


def grey_slice(plane_hu: np.ndarray, constants: Vgg13Constants) -> np.ndarray:
    """One slice between its own percentiles as grey levels, in the network's orientation and size.

    A slice whose percentiles are equal, such as one of air only, is black.

    Args:
        plane_hu: int16 HU, shape (y, x), canonical.

    Returns:
        uint8 array of shape (slice_size, slice_size).
    """
    return stretched_slice(resized_plane(turned_view(plane_hu), (constants.slice_size,) * 2), constants)


def stretched_slice(plane: np.ndarray, constants: Vgg13Constants) -> np.ndarray:
    """A slice between its own percentiles as grey levels; black where these are equal.

    Args:
        plane: HU in the network's orientation and size, of any real dtype.

    Returns:
        uint8 array of the same shape.
    """
    low, high = np.percentile(plane, constants.clip_percentiles)
    if high <= low:
        return np.zeros(plane.shape, np.uint8)
    stretched = (np.clip(plane, low, high) - low) * (_WHITE / (high - low))
    return np.rint(stretched).astype(np.uint8)


def network_batch(grey: np.ndarray, constants: Vgg13Constants) -> np.ndarray:
    """Slices of zero mean and unit variance, each repeated for each of the network's channels.

    A slice that is all but uniform (standard deviation below one grey level) is left as it is. Source: code.

    Args:
        grey: uint8 array of shape (slices, rows, columns).

    Returns:
        float32 array of shape (slices, input_channels, rows, columns).
    """
    images = grey.astype(np.float32)
    for image, levels in zip(images, grey, strict=True):
        deviation = levels.std()
        if deviation >= 1:
            image -= np.float32(levels.mean())
            image /= np.float32(deviation)
    return np.repeat(images[:, None], constants.input_channels, axis=1)


def resized_plane(plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Linear interpolation with a Gaussian before it where the plane shrinks; the plane itself where it fits.

    Args:
        plane: 2-D array of any real dtype.

    Returns:
        The plane, or a float64 array of the wanted shape.

    Source: code, which calls this very function of scikit-image.
    """
    if plane.shape == shape:
        return plane
    from skimage.transform import resize

    resized: np.ndarray = resize(plane.astype(np.float64), shape, order=1, mode="reflect", preserve_range=True)
    return resized
