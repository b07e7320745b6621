"""Volume overlap of two masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flarecli.errors import InputError


def dice(pred: ArrayLike, gt: ArrayLike) -> float:
    """Dice similarity coefficient of two masks, `2 |pred and gt| / (|pred| + |gt|)`.

    Edge cases, as in the FLARE scripts: both masks empty give 1, one empty mask gives 0.

    Args:
        pred: bool array of any shape.
        gt: bool array of the same shape.

    Returns:
        A value from 0 (disjoint) to 1 (equal); integer sums, one float64 division.

    Raises:
        InputError: when the arrays are not bool or differ in shape.
    """
    pred_mask, gt_mask = checked_masks(pred, gt)
    return dice_of_counts(
        int(np.count_nonzero(pred_mask)),
        int(np.count_nonzero(gt_mask)),
        int(np.count_nonzero(pred_mask & gt_mask)),
    )


def dice_of_counts(pred_voxels: int, gt_voxels: int, common_voxels: int) -> float:
    """Dice similarity coefficient from numbers of voxels; 1 where both masks are empty."""
    if pred_voxels + gt_voxels == 0:
        return 1.0
    return 2 * common_voxels / (pred_voxels + gt_voxels)


def checked_masks(pred: ArrayLike, gt: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Both arguments as bool arrays.

    Raises:
        InputError: when the arrays are not bool or differ in shape.
    """
    masks = np.asarray(pred), np.asarray(gt)
    for name, mask in zip(("pred", "gt"), masks, strict=True):
        if mask.dtype != np.bool_:
            raise InputError(
                f"`{name}` is not a mask",
                seen=f"dtype {mask.dtype}",
                expected="dtype bool",
                remedy=f"Compare the label map with one label first, as in `{name} == 1`.",
            )
    if masks[0].shape != masks[1].shape:
        raise InputError(
            "`pred` and `gt` differ in shape",
            seen=f"{masks[0].shape} and {masks[1].shape}",
            expected="equal shapes",
            remedy="Bring the prediction onto the grid of the ground truth.",
        )
    return masks
