"""Cross-entropy and soft Dice of exclusive classes, the common loss of segmentation networks.

Computed in float32 whatever the model's precision.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from flarecli_models.deep_supervision import softmax_cross_entropy

SMOOTHING_VOXELS = 1.0
"""Added to both sides of the quotient: keeps the gradients of small organs small. Ours."""

_FORBIDDEN_LOGIT = -1e9


def soft_dice(target: Any, logits: Any, channel_axis: int = -1, skip_absent: bool = True, dice_classes: int = 0) -> Any:
    """Soft Dice loss: 1 - the mean over organs of (2 sum(p t) + 1) / (sum(p) + sum(t) + 1), sums over the batch.

    The background, channel 0, is left out.

    Args:
        target: One-hot labels, (batch, ...) with the channels on `channel_axis`.
        logits: Logits of every class, of the same shape.
        channel_axis: Axis of the channels.
        skip_absent: Whether organs without a voxel in the batch do not count; else they cost what is given to them.
        dice_classes: How many of the classes after the background are organs; 0 for all.

    Returns:
        Scalar float32; 0 where no organ counts.

    Source: nnU-Net (Isensee et al. 2021), whose smoothing is 1e-5 and which keeps absent organs.
    """
    target = ops.cast(target, "float32")
    likely = ops.softmax(ops.cast(logits, "float32"), axis=channel_axis)
    rank = len(target.shape)
    axes = [axis for axis in range(rank) if axis != channel_axis % rank]
    organs = slice(1, 1 + dice_classes if dice_classes else None)
    overlap = ops.sum(likely * target, axis=axes)[organs]
    volume = ops.sum(target, axis=axes)[organs]
    total = ops.sum(likely, axis=axes)[organs] + volume
    loss = 1.0 - (2.0 * overlap + SMOOTHING_VOXELS) / (total + SMOOTHING_VOXELS)
    counts = ops.cast(volume > 0, "float32") if skip_absent else ops.ones_like(volume)
    return ops.sum(counts * loss) / ops.maximum(ops.sum(counts), 1.0)


def cross_entropy_dice(
    target: Any, logits: Any, channel_axis: int = -1, skip_absent: bool = True, dice_classes: int = 0
) -> Any:
    """Softmax cross-entropy, the mean over voxels, plus `soft_dice`; arguments and result as of that."""
    entropy = softmax_cross_entropy(target, logits, channel_axis)
    return entropy + soft_dice(target, logits, channel_axis, skip_absent, dice_classes)


def partial_cross_entropy(target: Any, logits: Any, channel_axis: int = -1) -> Any:
    """Cross-entropy where a label may leave open which of several classes is right, the mean over voxels.

    The loss of a voxel is -log of the sum of the probabilities of the classes that its label allows; with one allowed
    class everywhere it is the ordinary cross-entropy.

    Args:
        target: 1 for every allowed class and 0 for the others, (batch, ...) with the channels on `channel_axis`; one
            or more classes of a voxel are allowed.
        logits: Logits of every class, of the same shape.
        channel_axis: Axis of the channels.

    Returns:
        Scalar float32.

    Source: the marginal loss of Shi et al. 2021 (partially labelled organs).
    """
    logits = ops.cast(logits, "float32")
    allowed = ops.where(ops.cast(target, "bool"), logits, _FORBIDDEN_LOGIT)
    return ops.mean(ops.logsumexp(logits, axis=channel_axis) - ops.logsumexp(allowed, axis=channel_axis))


def partial_cross_entropy_dice(
    target: Any, logits: Any, channel_axis: int = -1, skip_absent: bool = True, dice_classes: int = 0
) -> Any:
    """`partial_cross_entropy` plus `soft_dice` of classes that no label leaves open; arguments as of these."""
    entropy = partial_cross_entropy(target, logits, channel_axis)
    return entropy + soft_dice(target, logits, channel_axis, skip_absent, dice_classes)
