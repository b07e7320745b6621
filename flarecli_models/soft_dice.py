"""Cross-entropy and soft Dice of exclusive classes, the common loss of segmentation networks.

Computed in float32 whatever the model's precision.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from flarecli_models.deep_supervision import softmax_cross_entropy

SMOOTHING_VOXELS = 1.0
"""Added to both sides of the quotient: keeps the gradients of small organs small. Ours."""


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
