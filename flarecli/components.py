"""Connected components of a mask: which of its separate parts to keep."""

from __future__ import annotations

import numpy as np

CONNECTIVITY = 26
"""Voxels that share a face, an edge or a corner belong together. Source: EfficientSegNet code."""


def largest_components(
    mask: np.ndarray, count: int, above_voxels: float = 0.0, connectivity: int = CONNECTIVITY
) -> np.ndarray:
    """Keep the largest connected parts of a mask.

    Args:
        mask: bool array of shape (z, y, x).
        count: How many parts to keep at most; of equally large ones those that come first in memory order
            (z, then y, then x).
        above_voxels: Parts of this many voxels or fewer are not kept.
        connectivity: 6: voxels that share a face belong together; 18: or an edge; 26: or a corner.

    Returns:
        bool array of shape (z, y, x).
    """
    import cc3d

    kept = np.zeros(mask.shape, bool)
    window = _bounding_window(mask)
    if window is None:
        return kept
    # cc3d 4.1 fails on single rows of voxels; a margin of empty ones makes them volumes.
    surrounded = np.pad(mask[window], (0, 1))
    parts, number = cc3d.connected_components(surrounded, connectivity=connectivity, return_N=True)
    parts = parts[:-1, :-1, :-1]
    sizes = np.zeros(number + 1, np.int64)
    # Slice by slice: numpy widens what it counts to 64 bits.
    for part_slice in parts:
        sizes += np.bincount(part_slice.ravel(), minlength=sizes.size)
    sizes[0] = 0
    largest = np.argsort(-sizes, kind="stable")[:count]
    is_kept = np.zeros(sizes.size, bool)
    is_kept[largest] = sizes[largest] > above_voxels
    for part_slice, kept_slice in zip(parts, kept[window], strict=True):
        kept_slice[...] = is_kept[part_slice]
    return kept


def _bounding_window(mask: np.ndarray) -> tuple[slice, ...] | None:
    """The smallest window that holds all true voxels; None where there is none."""
    window: list[slice] = []
    for axis in range(mask.ndim):
        # Each axis is searched in what the axes before have left.
        inside = mask[tuple(window)]
        used = np.flatnonzero(inside.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if used.size == 0:
            return None
        window.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(window)
