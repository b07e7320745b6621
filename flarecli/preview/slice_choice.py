"""Selection of the slices that show most of the organs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WORTH_A_SLICE = 0.05
"""Below this gain, in parts of an organ's largest area, a slice shows nothing new."""

_WORTH_A_NEIGHBOUR = 0.5
"""From this gain on a slice is shown however near it is to another one."""


def choose_slices(counts: NDArray[np.integer], within: slice, number: int, least_distance: int) -> list[int]:
    """Choose slices along one axis such that each organ is seen near its largest area in one of them.

    Each choice is the slice that adds most to what the earlier ones show, summed over the organs in parts of
    their largest area. When nothing is left to gain, slices full of organs and far from the others follow.
    Without any organ they are spread evenly.

    Args:
        counts: Voxels of each organ in each slice, shape (organs, slices).
        within: The slices to choose from.
        number: How many are wanted; fewer come back where there is no room for them.
        least_distance: Distance in slices below which two look alike, so that the second must show something new.

    Returns:
        Indices, falling: from superior to inferior, anterior to posterior, right to left.
    """
    length = within.stop - within.start
    areas = counts[:, within].astype(np.float64)
    areas = areas[areas.any(axis=1)]
    if not len(areas):
        spread = {within.start + part * length // (number + 1) for part in range(1, number + 1)}
        return sorted(spread, reverse=True)
    areas /= areas.max(axis=1, keepdims=True)
    total = areas.sum(axis=0)
    shown = np.zeros((len(areas), 1))
    distance = np.full(length, np.inf)
    chosen: list[int] = []
    while len(chosen) < number:
        value = np.maximum(areas - shown, 0).sum(axis=0)
        free = (total > 0) & ((distance >= least_distance) | (value >= _WORTH_A_NEIGHBOUR))
        if not free.any():
            break
        if value[free].max() < _WORTH_A_SLICE:
            value = total * distance
        best = int(np.argmax(np.where(free, value, -1)))
        chosen.append(best)
        shown = np.maximum(shown, areas[:, [best]])
        distance = np.minimum(distance, np.abs(np.arange(length) - best))
    return sorted((within.start + index for index in chosen), reverse=True)
