"""Connected components of a mask: which of its separate parts to keep."""

from __future__ import annotations

import numpy as np

from flarecli.connected_parts import connected_parts
from flarecli.geometry import bounding_window

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
    kept = np.zeros(mask.shape, bool)
    window = bounding_window(mask)
    if window is None:
        return kept
    parts, number = connected_parts(mask[window], connectivity)
    sizes = np.zeros(number + 1, np.int64)
    # A few slices at a time, as numpy widens what it counts to 64 bits; more where there are many parts to sum up.
    step = 1 + sizes.size // parts[0].size
    for first in range(0, len(parts), step):
        sizes += np.bincount(parts[first : first + step].ravel(), minlength=sizes.size)
    sizes[0] = 0
    largest = [part for part in np.argsort(-sizes, kind="stable")[:count] if sizes[part] > above_voxels]
    for part_slice, kept_slice in zip(parts, kept[window], strict=True):
        for part in largest:
            kept_slice |= part_slice == part
    return kept
