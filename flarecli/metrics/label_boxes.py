"""Where the labels of two label maps lie: boxes that leave the empty space out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from flarecli.geometry import Window

_NOTHING: Window = (slice(0), slice(0), slice(0))
_WORD_BYTES = 8


def box_around(*volumes: NDArray[np.generic]) -> Window | None:
    """Smallest box that holds everything other than zero in all `volumes`; None where there is nothing.

    Args:
        volumes: Arrays of one shape, three axes, integer or bool.
    """
    rows = np.logical_or.reduce([np.bitwise_or.reduce(_in_words(volume), axis=2) for volume in volumes])
    along_0, along_1 = _extent(rows.any(axis=1)), _extent(rows.any(axis=0))
    if along_0 is None or along_1 is None:
        return None
    columns = [np.bitwise_or.reduce(volume[along_0, along_1], axis=(0, 1)) for volume in volumes]
    along_2 = _extent(np.logical_or.reduce(columns))
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
        One pair of bool arrays a label, of one shape, without voxels where neither map holds the label. They
        share memory with the next pair: use them before it is taken.
    """
    along_0, along_1, along_2 = box_around(pred, gt) or _NOTHING
    foreground = along_0, along_1, _whole_words(along_2, pred.shape[2])
    pred, gt = np.ascontiguousarray(pred[foreground]), np.ascontiguousarray(gt[foreground])
    pred_mask, gt_mask = np.empty(pred.shape, dtype=np.bool_), np.empty(gt.shape, dtype=np.bool_)
    for label in labels:
        np.equal(pred, label, out=pred_mask)
        np.equal(gt, label, out=gt_mask)
        box = box_around(pred_mask, gt_mask) or _NOTHING
        yield pred_mask[box], gt_mask[box]


def _in_words(volume: NDArray[np.generic]) -> NDArray[np.generic]:
    """The same bytes as words along the last axis where they fit: emptiness is then tested in fewer steps."""
    row_bytes = volume.shape[2] * volume.itemsize
    if volume.flags.c_contiguous and row_bytes % _WORD_BYTES == 0 and volume.size:
        return volume.view(np.uint64)
    return volume


def _whole_words(side: slice, length: int) -> slice:
    """`side` made so long, where the axis allows it, that rows of bytes consist of words."""
    start = (side.start or 0) // _WORD_BYTES * _WORD_BYTES
    stop = -(-side.stop // _WORD_BYTES) * _WORD_BYTES
    return slice(start, min(stop, length))


def _extent(occupied: NDArray[np.bool_]) -> slice | None:
    places = np.flatnonzero(occupied)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else None
