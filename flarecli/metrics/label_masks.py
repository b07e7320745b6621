"""The masks of two label maps, label by label, without the empty space around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from flarecli.geometry import WORD_BYTES, Window, bounding_window

_NOTHING: Window = (slice(0), slice(0), slice(0))


def masks_by_label(
    pred: NDArray[np.integer], gt: NDArray[np.integer], labels: Sequence[int]
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield the masks of each label in both label maps, cut to the bounding box of that label in either.

    Args:
        pred: Label map of shape `(n0, n1, n2)`.
        gt: Label map of the same shape.
        labels: The label values, in the order wanted.

    Yields:
        One pair of bool arrays a label, of one shape, without voxels where neither map holds the label. They
        share memory with the next pair: use them before it is taken.
    """
    along_0, along_1, along_2 = bounding_window(pred, gt) or _NOTHING
    foreground = along_0, along_1, _whole_words(along_2, pred.shape[2])
    pred, gt = np.ascontiguousarray(pred[foreground]), np.ascontiguousarray(gt[foreground])
    pred_mask, gt_mask = np.empty(pred.shape, dtype=np.bool_), np.empty(gt.shape, dtype=np.bool_)
    for label in labels:
        np.equal(pred, label, out=pred_mask)
        np.equal(gt, label, out=gt_mask)
        box = bounding_window(pred_mask, gt_mask) or _NOTHING
        yield pred_mask[box], gt_mask[box]


def _whole_words(side: slice, length: int) -> slice:
    """`side` made so long, where the axis allows it, that rows of bytes consist of words."""
    start = (side.start or 0) // WORD_BYTES * WORD_BYTES
    stop = -(-side.stop // WORD_BYTES) * WORD_BYTES
    return slice(start, min(stop, length))
