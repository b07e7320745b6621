"""Restores air and dense bone in scans whose HU are clipped to a display window."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

AIR_HU = -1000.0

_HIGHEST_FLOOR_HU = -500
"""A scan whose lowest value is above this holds no air: it was clipped."""

_LEAST_SHARE = 0.02
"""From this fraction of voxels on, the lowest value is the lower end of a display window."""

_LEAST_VOXELS = 100
"""Smaller components of clipped voxels are fat with noise, not air."""

_NEAR_HU = 3
_EDGE_VOXELS = 0.5


def floor_of(hu: np.ndarray) -> int | None:
    """The lower end of the window that a scan (HU, (z, y, x)) was clipped to; None where it was not clipped."""
    lowest = int(hu.min())
    if lowest <= _HIGHEST_FLOOR_HU or np.count_nonzero(hu <= lowest + _NEAR_HU) < _LEAST_SHARE * hu.size:
        return None
    return lowest


def with_air(hu: np.ndarray, bone_hu: float = 0.0) -> np.ndarray:
    """A scan with air where it was clipped: outside of the body, in lungs, and in large pockets of gas.

    Fat with noise reaches the lower end of a window, too, but in thin components, which an opening removes.

    Args:
        hu: The scan, (z, y, x).
        bone_hu: Added to voxels at the upper end of the window, dense bone and metal.

    Returns:
        float32 HU of the same shape; a scan that was not clipped is unchanged.
    """
    restored = hu.astype(np.float32)
    floor = floor_of(hu)
    if floor is None:
        return restored
    at_floor = hu <= floor + _NEAR_HU
    air = ndimage.binary_opening(at_floor, iterations=1)
    # Whole components of clipped voxels that contain opened air, up to their edges.
    pieces, _ = ndimage.label(air)
    sizes = np.bincount(pieces.ravel())
    large = sizes >= _LEAST_VOXELS
    large[0] = False
    air = ndimage.binary_dilation(large[pieces], iterations=1) & at_floor
    share = ndimage.gaussian_filter(air.astype(np.float32), _EDGE_VOXELS)
    share[air] = 1.0
    restored += share * np.float32(AIR_HU - floor)
    if bone_hu:
        at_ceiling = hu >= int(hu.max()) - _NEAR_HU
        restored += np.float32(bone_hu) * ndimage.gaussian_filter(at_ceiling.astype(np.float32), _EDGE_VOXELS)
    return restored
