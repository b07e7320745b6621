"""Connected parts of masks, with numpy alone."""

from __future__ import annotations

import numpy as np


def bounding_window(mask: np.ndarray) -> tuple[slice, slice, slice] | None:
    """The smallest window that holds everything other than zero; None where there is nothing."""
    window = []
    for axis in range(3):
        inside = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if inside.size == 0:
            return None
        window.append(slice(int(inside[0]), int(inside[-1]) + 1))
    z, y, x = window
    return z, y, x


def connected_parts(mask: np.ndarray, connectivity: int) -> tuple[np.ndarray, int]:
    """Number the connected parts of a mask, in the order of their first voxels (z, then y, then x).

    Rows of voxels in a line are joined to those that they touch in the rows beside them, until nothing changes.

    Args:
        mask: bool, shape (z, y, x).
        connectivity: 6 (faces), 18 (edges) or 26 (corners).

    Returns:
        The part of each voxel, from 1, 0 outside; and their number.
    """
    begins = mask.copy()
    begins[:, :, 1:] &= ~mask[:, :, :-1]
    runs = np.where(mask, np.cumsum(begins.ravel(), dtype=np.int64).reshape(mask.shape), 0)
    first, second = [], []
    for z, y, x in beside(connectivity):
        here, there = runs[shifted(-z, -y, -x)], runs[shifted(z, y, x)]
        touching = (here > 0) & (there > 0)
        pairs = np.unique(here[touching] * (runs.max(initial=0) + 1) + there[touching])
        first.append(pairs // (runs.max(initial=0) + 1))
        second.append(pairs % (runs.max(initial=0) + 1))
    a, b = np.concatenate(first), np.concatenate(second)
    root = np.arange(int(runs.max(initial=0)) + 1)
    while True:
        low, high = np.minimum(root[a], root[b]), np.maximum(root[a], root[b])
        if (low == high).all():
            break
        np.minimum.at(root, high, low)
        while (root != root[root]).any():
            root = root[root]
    kept, numbers = np.unique(root, return_inverse=True)
    return numbers[runs], len(kept) - 1


def beside(connectivity: int) -> list[tuple[int, int, int]]:
    """Steps to half of the voxels that count as connected, those in the same row left out."""
    most = {6: 1, 18: 2, 26: 3}[connectivity]
    steps = [(z, y, x) for z in (0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return [step for step in steps if step[:2] > (0, 0) and sum(map(abs, step)) <= most]


def shifted(*steps: int) -> tuple[slice, ...]:
    """The voxels of a volume that have a neighbour that many steps back."""
    return tuple(slice(max(step, 0), min(step, 0) or None) for step in steps)


def largest_components(mask: np.ndarray, count: int, above_voxels: float = 0.0, connectivity: int = 26) -> np.ndarray:
    """The largest connected parts of a mask, at most so many, each of more than `above_voxels`."""
    kept = np.zeros(mask.shape, bool)
    window = bounding_window(mask)
    if window is None:
        return kept
    parts, number = connected_parts(mask[window], connectivity)
    sizes = np.bincount(parts.ravel(), minlength=number + 1)
    sizes[0] = 0
    largest = [part for part in np.argsort(-sizes, kind="stable")[:count] if sizes[part] > above_voxels]
    kept[window] = np.isin(parts, largest)
    return kept


def without_small_components(mask: np.ndarray, least_voxels: float) -> np.ndarray:
    """The mask without connected parts of fewer voxels; the largest one always stays."""
    parts, _ = connected_parts(mask, 26)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return mask & (sizes >= min(least_voxels, sizes.max()))[parts]
