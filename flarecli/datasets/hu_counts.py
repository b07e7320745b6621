"""Histograms of HU, of the whole scan and of each organ, from which exact statistics are computed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flarecli.organs import LABEL_NAMES

LOWEST_HU, HIGHEST_HU = -1024, 3071
"""Values outside are counted at the limits: below there is only padding, above only metal."""

PERCENTILES = (0.5, 5, 50, 95, 99.5)

_LEVELS = HIGHEST_HU - LOWEST_HU + 1


def count_hu(voxels: NDArray[np.int16], labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count each HU in each label, slice by slice.

    Args:
        voxels: int16 HU, shape (z, y, x).
        labels: FLARE labels, of the same shape.

    Returns:
        int64 array of shape (5, 4096): rows are labels 0 to 4, columns HU from -1024 to 3071.
    """
    counts = np.zeros(len(LABEL_NAMES) * _LEVELS, np.int64)
    for plane_hu, plane_labels in zip(voxels, labels, strict=True):
        index = np.clip(plane_hu, LOWEST_HU, HIGHEST_HU).astype(np.int32)
        index -= LOWEST_HU
        if plane_labels.any():
            index += plane_labels.astype(np.int32) * _LEVELS
        counts += np.bincount(index.ravel(), minlength=counts.size)
    return counts.reshape(len(LABEL_NAMES), _LEVELS)


def hu_figures(counts: NDArray[np.int64]) -> dict[str, Any] | None:
    """Mean, standard deviation and percentiles of one row, or of a sum of rows; None where nothing was counted."""
    total = int(counts.sum())
    if not total:
        return None
    values = np.arange(LOWEST_HU, HIGHEST_HU + 1, dtype=np.float64)
    mean = float(counts @ values) / total
    below = np.cumsum(counts)
    return {
        "mean": round(mean, 2),
        "sd": round(float(counts @ (values - mean) ** 2 / total) ** 0.5, 2),
        **{
            f"p{percentile:g}": int(LOWEST_HU + np.searchsorted(below, percentile / 100 * total))
            for percentile in PERCENTILES
        },
    }
