"""Losses of EfficientSegNet, whose organs are independent sigmoids without a background class.

All take logits, are computed in float32 whatever the model's precision, and average over the batch. The published
networks were trained with `dice`; the paper names `dice_focal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

DICE_EPSILON = 1e-8
"""Added to both sides of the quotient. Source: code."""

FOCAL_CLAMP = 1e-4
"""Probabilities of the focal term stay this far from 0 and 1. Source: code."""

LOWEST_LOGARITHM = -100.0
"""Lower bound of the logarithm of a probability. Source: PyTorch's binary cross-entropy, which the code uses."""

HARDEST_PERCENT = (30, 30, 30, 10)
"""Share of voxels that the top-k term keeps for liver, kidneys, spleen and pancreas. Source: code."""


def dice(target: Any, logits: Any, channel_axis: int = -1) -> Any:
    """Dice loss with squares in the denominator: 1 - mean over labels and samples of 2 sum(p t) / sum(p² + t²).

    A label that is absent from a sample costs 1 as soon as any probability is above 0.

    Args:
        target: 0 or 1 for every voxel and label, (batch, ...) with the labels on `channel_axis`.
        logits: Of the same shape.
        channel_axis: Axis of the labels.

    Returns:
        Scalar float32.

    Source: EfficientSegNet code (`dice`); fixtures `*/dice`.
    """
    target, probability = ops.cast(target, "float32"), _probability(logits)
    rank = len(target.shape)
    voxels = [axis for axis in range(1, rank) if axis != channel_axis % rank]
    overlap = ops.sum(probability * target, axis=voxels)
    total = ops.sum(ops.square(probability), axis=voxels) + ops.sum(ops.square(target), axis=voxels)
    return 1.0 - ops.mean((2.0 * overlap + DICE_EPSILON) / (total + DICE_EPSILON))


def dice_focal(target: Any, logits: Any, channel_axis: int = -1, alpha: float = 0.5, gamma: float = 2.0) -> Any:
    """`dice` plus the focal term as the code computes it.

    That term is not a voxel-wise focal loss: the mean cross-entropy of the whole batch times the sum of the focal
    weights, alpha (1 - p)^gamma inside and (1 - alpha) p^gamma outside of an organ, divided by the organs' voxels.

    Args:
        target: 0 or 1 for every voxel and label, (batch, ...) with the labels on `channel_axis`.
        logits: Of the same shape.
        channel_axis: Axis of the labels.
        alpha: Share of the voxels inside.
        gamma: Exponent of the focal weights.

    Returns:
        Scalar float32.

    Source: EfficientSegNet code (`diceAndFocal`), paper (alpha 0.5, gamma 2); fixtures `*/diceAndFocal`.
    """
    labels = ops.cast(target, "float32")
    probability = ops.clip(_probability(logits), FOCAL_CLAMP, 1.0 - FOCAL_CLAMP)
    inside = alpha * (1.0 - probability) ** gamma * labels
    outside = (1.0 - alpha) * probability**gamma * (1.0 - labels)
    weight = ops.sum(inside + outside) / ops.maximum(ops.sum(labels), 1.0)
    return dice(target, logits, channel_axis) + ops.mean(_cross_entropy(labels, probability)) * weight


def dice_cross_entropy(target: Any, logits: Any, channel_axis: int = -1) -> Any:
    """`dice` plus the binary cross-entropy, the mean over all voxels, labels and samples.

    Arguments and result as of `dice`. Source: EfficientSegNet code (`diceAndBce`); fixtures `*/diceAndBce`.
    """
    labels = ops.cast(target, "float32")
    return dice(target, logits, channel_axis) + ops.mean(_cross_entropy(labels, _probability(logits)))


def dice_top_k(
    target: Any, logits: Any, channel_axis: int = -1, hardest_percent: Sequence[float] = HARDEST_PERCENT
) -> Any:
    """`dice` plus, as a mean over labels, the mean binary cross-entropy of each label's hardest voxels.

    Args:
        target: 0 or 1 for every voxel and label, (batch, ...) with the labels on `channel_axis`.
        logits: Of the same shape, all sizes known.
        channel_axis: Axis of the labels.
        hardest_percent: Share of the batch's voxels that counts, one for each label.

    Returns:
        Scalar float32.

    Source: EfficientSegNet code (`diceAndTopK`); fixtures `*/diceAndTopK`.
    """
    labels = ops.cast(target, "float32")
    by_label = ops.moveaxis(_cross_entropy(labels, _probability(logits)), channel_axis, 0)
    means = []
    for values, percent in zip(ops.unstack(by_label, len(hardest_percent)), hardest_percent, strict=True):
        voxels = ops.reshape(values, (-1,))
        hardest, _ = ops.top_k(voxels, int(voxels.shape[0] * percent / 100))
        means.append(ops.mean(hardest))
    return dice(target, logits, channel_axis) + ops.mean(ops.stack(means))


def _probability(logits: Any) -> Any:
    return ops.sigmoid(ops.cast(logits, "float32"))


def _cross_entropy(target: Any, probability: Any) -> Any:
    """Binary cross-entropy of every voxel and label."""
    return -(target * _logarithm(probability) + (1.0 - target) * _logarithm(1.0 - probability))


def _logarithm(probability: Any) -> Any:
    """Logarithm that ends at `LOWEST_LOGARITHM`, where its gradient is 0 and not undefined."""
    is_positive = probability > 0.0
    safe = ops.where(is_positive, probability, ops.ones_like(probability))
    return ops.where(is_positive, ops.maximum(ops.log(safe), LOWEST_LOGARITHM), LOWEST_LOGARITHM)
