"""Small parts of the localization mask, which do not widen the region."""

from __future__ import annotations

import numpy as np

from flarecli.connected_parts import connected_parts


def without_stray_parts(mask: np.ndarray, least_share: float) -> np.ndarray:
    """The mask without its parts of fewer voxels than a share of the largest one.

    The published program takes the box of all voxels: a single one, at the other end of the scan, makes the region as
    long as the scan, and the segmentation coarser. Organs that are left out by mistake lie at a face of the region,
    which is then enlarged.

    Args:
        mask: bool array (z, y, x).
        least_share: Of the voxels of the largest part; parts touch by faces, edges or corners.
    """
    parts, number = connected_parts(mask, 26)
    if number < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    is_kept = sizes >= least_share * sizes[1:].max()
    is_kept[0] = False
    kept: np.ndarray = is_kept[parts]
    return kept
