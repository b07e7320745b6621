"""Losses of the published systems, on tensors with the channels on any axis.

All are computed in float32 whatever the model's precision.
"""

from __future__ import annotations

from typing import Any

from keras import ops

DICE_WEIGHT_EPSILON = 1e-4
"""Keeps the weight of an absent class finite. Source: EfficientSCN code."""

DICE_RATIO_EPSILON = 1e-8
"""Added to both sides of the quotient. Source: EfficientSCN code."""


def generalized_dice(
    target: Any,
    prediction: Any,
    channel_axis: int = -1,
    from_logits: bool = False,
    skip_absent: bool = False,
) -> Any:
    """Generalized Dice loss with squared predictions, the mean over the batch.

    With sums over the voxels of a sample and w_c = 1 / ((sum T_c)^2 + 1e-4):
    loss = 1 - 2 (sum_c w_c sum T_c P_c + 1e-8) / (sum_c w_c sum (T_c + P_c^2) + 1e-8).

    The background is a class like any other. A class that is absent from a sample gets a weight of 1e4, so that the
    loss is about 1 and the other classes get almost no gradient; `skip_absent` leaves such classes out instead.

    Args:
        target: One-hot labels, (batch, ...) with the channels on `channel_axis`.
        prediction: Class scores of the same shape, or logits.
        channel_axis: Axis of the channels.
        from_logits: Whether to apply a softmax to `prediction` first.
        skip_absent: Whether classes without a voxel in a sample are left out of its sums. The published training
            keeps them.

    Returns:
        Scalar float32.

    Source: EfficientSCN code; fixtures `gdl_*`.
    """
    target = ops.cast(target, "float32")
    prediction = ops.cast(prediction, "float32")
    if from_logits:
        prediction = ops.softmax(prediction, axis=channel_axis)
    rank = len(target.shape)
    voxels = [axis for axis in range(1, rank) if axis != channel_axis % rank]
    volume = ops.sum(target, axis=voxels)
    weight = 1.0 / (volume**2 + DICE_WEIGHT_EPSILON)
    if skip_absent:
        weight = weight * ops.cast(volume > 0, "float32")
    overlap = ops.sum(weight * ops.sum(target * prediction, axis=voxels), axis=1)
    total = ops.sum(weight * (volume + ops.sum(prediction**2, axis=voxels)), axis=1)
    return ops.mean(1.0 - 2.0 * (overlap + DICE_RATIO_EPSILON) / (total + DICE_RATIO_EPSILON))


def sigmoid_cross_entropy(target: Any, logits: Any) -> Any:
    """Binary cross-entropy of independent sigmoids, the mean over all voxels, channels and samples.

    Args:
        target: One-hot labels, of the shape of `logits`.
        logits: Logits of every class.

    Returns:
        Scalar float32.

    Source: EfficientSCN code; fixture `sigmoid_ce_5`.
    """
    target = ops.cast(target, "float32")
    logits = ops.cast(logits, "float32")
    return ops.mean(ops.softplus(logits) - logits * target)
