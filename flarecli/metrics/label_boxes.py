"""Where the labels of two label maps lie: boxes that leave the empty space out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice, slice]
"""A region of a volume, as an index: slices along the three axes."""

_NOTHING: Box = (slice(0), slice(0), slice(0))


def box_around(*volumes: NDArray[np.generic]) -> Box | None:
    """Smallest box that holds everything other than zero in all `volumes`; None where there is nothing.

    Args:
        volumes: Arrays of one shape, three axes, any dtype.
    """
    rows = np.logical_or.reduce([volume.any(axis=2) for volume in volumes])
    along_0, along_1 = _extent(rows.any(axis=1)), _extent(rows.any(axis=0))
    if along_0 is None or along_1 is None:
        return None
    along_2 = _extent(np.logical_or.reduce([volume[along_0, along_1].any(axis=(0, 1)) for volume in volumes]))
    return None if along_2 is None else (along_0, along_1, along_2)


def masks_by_label(
    pred: NDArray[np.integer], gt: NDArray[np.integer], labels: Sequence[int]
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield the masks of each label in both label maps, cut to the box around that label in either.

    Args:
        pred: Label map of shape `(n0, n1, n2)`.
        gt: Label map of the same shape.
        labels: The label values, in the order wanted.

    Yields:
        One pair of bool arrays a label, of one shape, without voxels where neither map holds the label.
    """
    foreground = box_around(pred, gt) or _NOTHING
    pred, gt = np.ascontiguousarray(pred[foreground]), np.ascontiguousarray(gt[foreground])
    for label in labels:
        pred_mask, gt_mask = pred == label, gt == label
        box = box_around(pred_mask, gt_mask) or _NOTHING
        yield pred_mask[box], gt_mask[box]


def _extent(occupied: NDArray[np.bool_]) -> slice | None:
    places = np.flatnonzero(occupied)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else None
