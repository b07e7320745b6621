"""From the network's classes to labels on the scan's grid, without small components."""

from __future__ import annotations

import numpy as np

from flarecli.organs import ORGANS
from flarecli.systems.components import largest_components
from flarecli.systems.vgg13.constants import Vgg13Constants
from flarecli.systems.vgg13.inputs import resized_plane
from flarecli.systems.vgg13.orientation import turned_view


def restored_labels(classes: np.ndarray, shape_yx: tuple[int, int], constants: Vgg13Constants) -> np.ndarray:
    """The labels of one slice on its own grid.

    Where the slice has another size than the network's, each organ's mask is interpolated by itself.

    Args:
        classes: uint8 array of shape (slice_size, slice_size), in the network's orientation.
        shape_yx: Size of the scan's slices.

    Returns:
        uint8 array of shape (y, x), canonical.
    """
    upright = turned_view(classes)
    if upright.shape == shape_yx:
        return upright
    labels = np.zeros(shape_yx, np.uint8)
    for organ in ORGANS:
        mask = upright == organ.label
        if mask.any():
            labels[resized_plane(mask, shape_yx) > constants.restoring_share] = organ.label
    return labels


def keep_largest_components(labels: np.ndarray, constants: Vgg13Constants) -> dict[str, int]:
    """Set all but the largest connected parts of each organ to background, in place.

    An organ with fewer parts than may be kept, such as a single kidney, is unchanged.

    Args:
        labels: uint8 label map, shape (z, y, x).

    Returns:
        Number of removed voxels for each organ's name.
    """
    removed = {}
    for organ, count in zip(ORGANS, constants.kept_components, strict=True):
        mask = labels == organ.label
        loose = mask & ~largest_components(mask, count, connectivity=constants.connectivity)
        labels[loose] = 0
        removed[organ.name] = int(np.count_nonzero(loose))
    return removed
