"""Majority-vote label resampling: each organ's mask is resampled, and a voxel gets the label of the largest one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from flarecli.geometry import Window, occupied_span
from flarecli.organs import ORGANS
from flarecli.resample.streaming import resample_separable


def majority_labels(labels: NDArray[np.uint8], matrices: Sequence[np.ndarray]) -> NDArray[np.uint8]:
    """Give each output voxel the class that fills most of it; at equality a label takes precedence over background.

    Args:
        labels: uint8 label map, shape (z, y, x), any strides.
        matrices: One 1-D resampling matrix along z, y and x each, non-negative, rows summing to 1.

    Returns:
        uint8 array of shape (z_out, y_out, x_out).
    """
    shape = _shape_out(matrices)
    result = np.zeros(shape, np.uint8)
    largest, organs = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for label, window, share in _shares(labels, matrices, range(1, int(labels.max(initial=0)) + 1)):
        organs[window] += share
        is_largest = share > largest[window]
        largest[window][is_largest] = share[is_largest]
        result[window][is_largest] = label
    result[largest + organs < 1 - _ROUNDING] = 0  # less than the background, which is 1 - organs
    return result


def labels_above_share(
    labels: NDArray[np.uint8], matrices: Sequence[np.ndarray], least_share: float
) -> NDArray[np.uint8]:
    """Give each output voxel the last organ of which it holds at least a given share.

    Args:
        labels: uint8 label map, shape (z, y, x), any strides.
        matrices: One 1-D resampling matrix along z, y and x each, non-negative, rows summing to 1.
        least_share: Above 0, at most 1.

    Returns:
        uint8 array of shape (z_out, y_out, x_out).
    """
    result = np.zeros(_shape_out(matrices), np.uint8)
    for label, window, share in _shares(labels, matrices, [organ.label for organ in ORGANS]):
        result[window][share >= least_share - _ROUNDING] = label
    return result


_ROUNDING = 1e-5
"""Of float32 sums: a share of exactly one half must count as such."""


def _shares(
    labels: NDArray[np.uint8], matrices: Sequence[np.ndarray], values: Iterable[int]
) -> Iterator[tuple[int, Window, NDArray[np.float32]]]:
    """The share of each label that is present, computed inside the box around it and zero elsewhere."""
    for value in values:
        source = _box_around(labels, value)
        if source is None:
            continue
        parts = [matrix[:, part] for matrix, part in zip(matrices, source, strict=True)]
        z, y, x = (occupied_span(np.asarray(part.any(axis=1))) for part in parts)
        if z is None or y is None or x is None:
            continue
        window = (z, y, x)
        rows = [part[out] for part, out in zip(parts, window, strict=True)]
        yield value, window, resample_separable(labels[source] == value, *rows)


def _box_around(labels: NDArray[np.uint8], label: int) -> Window | None:
    along_z, rows, columns = (np.zeros(count, bool) for count in labels.shape)
    for index, plane in enumerate(labels):
        mask = plane == label
        if mask.any():
            along_z[index] = True
            rows |= mask.any(axis=1)
            columns |= mask.any(axis=0)
    z, y, x = (occupied_span(places) for places in (along_z, rows, columns))
    return None if z is None or y is None or x is None else (z, y, x)


def _shape_out(matrices: Sequence[np.ndarray]) -> tuple[int, int, int]:
    z, y, x = (matrix.shape[0] for matrix in matrices)
    return z, y, x
