"""Losses of networks that give one logit a class, the classes excluding each other."""

from __future__ import annotations

from typing import Any

from keras import ops

SMOOTHING_VOXELS = 1.0
"""Added to numerator and denominator of the Dice quotient, so that an absent class costs what is wrongly given to it.
Source: V-Net implementations since nnU-Net (1e-5 there; a voxel here keeps gradients of absent classes small)."""


def cross_entropy_and_dice(labels: Any, logits: Any, channel_axis: int = -1) -> Any:
    """Mean cross-entropy of the softmax plus one minus the mean soft Dice of the foreground classes.

    Args:
        labels: Integer classes, (batch, z, y, x).
        logits: Class scores, (batch, z, y, x, classes), or with the classes at `channel_axis`.
        channel_axis: Axis of the classes in the logits.

    Returns:
        Scalar float32. A class that is absent from the labels of the batch does not count in the Dice term.

    Source: nnU-Net (Isensee et al. 2021), equation of its loss; Dice over the whole batch.
    """
    logits = ops.cast(logits, "float32")
    classes = logits.shape[channel_axis]
    target = ops.one_hot(ops.cast(labels, "int32"), classes, axis=channel_axis, dtype="float32")
    log_probabilities = ops.log_softmax(logits, axis=channel_axis)
    entropy = -ops.mean(ops.sum(target * log_probabilities, axis=channel_axis))
    probabilities = ops.exp(log_probabilities)
    axes = [axis for axis in range(5) if axis != channel_axis % 5]
    overlap = ops.sum(target * probabilities, axis=axes)[1:]
    sizes = (ops.sum(target, axis=axes) + ops.sum(probabilities, axis=axes))[1:]
    present = ops.cast(ops.sum(target, axis=axes)[1:] > 0, "float32")
    dice = (2 * overlap + SMOOTHING_VOXELS) / (sizes + SMOOTHING_VOXELS)
    return entropy + ops.sum(present * (1 - dice)) / ops.maximum(ops.sum(present), 1.0)
