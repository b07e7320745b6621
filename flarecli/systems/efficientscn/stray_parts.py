"""Small parts of the localization mask, which do not widen the region."""

from __future__ import annotations

import numpy as np

from flarecli.connected_parts import connected_parts


def without_stray_parts(mask: np.ndarray, least_voxels: float) -> np.ndarray:
    """The mask without its small connected parts; the largest one always stays.

    The published program takes the box of all voxels: a single one, at the other end of the scan, makes the region as
    long as the scan, and the segmentation coarser.

    Args:
        mask: bool array (z, y, x).
        least_voxels: Parts of fewer voxels are left out; parts are connected by faces, edges or corners.
    """
    parts, number = connected_parts(mask, 26)
    if number < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    kept: np.ndarray = mask & (sizes >= min(least_voxels, sizes.max()))[parts]
    return kept
