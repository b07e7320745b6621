"""What hangs on an organ by a thin bridge and is none of it, such as the heart on the liver."""

from __future__ import annotations

import numpy as np

from flarecli.systems.components import largest_components
from flarecli.windows import bounding_window

_FACES = 6
"""Cores belong together only where they share faces of voxels."""


def without_appendages(mask: np.ndarray, above_voxels: float) -> np.ndarray:
    """Drop the parts of a mask that fall off its largest one when its outermost voxels are taken away.

    What remains then are cores. A bridge of one or two voxels has none, so that beyond it there is a core of its own.

    Args:
        mask: bool array of shape (z, y, x). What lies beyond its ends counts as inside.
        above_voxels: Cores of this many voxels or fewer are left where they are: thin edges, not other organs.

    Returns:
        bool array of shape (z, y, x); `mask` itself where nothing hangs on it.
    """
    window = bounding_window(mask)
    if window is None:
        return mask
    # With a voxel of background around, as far as there is one.
    z, y, x = (slice(max(0, part.start - 1), part.stop + 1) for part in window)
    organ = mask[z, y, x]
    cores = _eroded(organ)
    largest = largest_components(cores, 1, connectivity=_FACES)
    others = largest_components(cores & ~largest, organ.size, above_voxels, connectivity=_FACES)
    if not others.any():
        return mask
    # The corners of what was taken away are three steps off. What both reach belongs to the largest part.
    for _ in range(3):
        largest = _dilated(largest) & organ
        others = _dilated(others) & organ & ~largest
    kept = mask.copy()
    kept[z, y, x] &= ~others
    return kept


def _eroded(mask: np.ndarray) -> np.ndarray:
    """The voxels whose six neighbours all belong to the mask; a few passes, where importing `ndimage` takes 0.1 s."""
    inside = mask.copy()
    for axis in range(mask.ndim):
        target, source = np.moveaxis(inside, axis, 0), np.moveaxis(mask, axis, 0)
        target[1:] &= source[:-1]
        target[:-1] &= source[1:]
    return inside


def _dilated(mask: np.ndarray) -> np.ndarray:
    return ~_eroded(~mask)
