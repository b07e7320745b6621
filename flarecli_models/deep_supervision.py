"""The loss of the VGG-13 U-Net: cross-entropy of its prediction and, with less weight, of every level's.

Computed in float32 whatever the model's precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

DEEP_SUPERVISION_WEIGHTS: dict[str, float] = {"final": 1.0, "aux1": 0.8, "aux2": 0.7, "aux3": 0.6, "aux4": 0.5}
"""Weight of each output of `vgg13_unet(deep_supervision=True)`; `aux1` is the finest. Source: paper, code."""


def softmax_cross_entropy(target: Any, logits: Any, channel_axis: int = -1) -> Any:
    """Cross-entropy of exclusive classes, the mean over all pixels and samples.

    Args:
        target: One-hot labels, (batch, ...) with the channels on `channel_axis`.
        logits: Logits of every class, of the same shape.
        channel_axis: Axis of the channels.

    Returns:
        Scalar float32.
    """
    target = ops.cast(target, "float32")
    logits = ops.cast(logits, "float32")
    return -ops.mean(ops.sum(target * ops.log_softmax(logits, axis=channel_axis), axis=channel_axis))


def deep_supervision_loss(target: Any, outputs: Mapping[str, Any], channel_axis: int = -1, is_mean: bool = True) -> Any:
    """Weighted cross-entropies of all outputs.

    Args:
        target: One-hot labels, (batch, ...) with the channels on `channel_axis`.
        outputs: Logits by the names of `DEEP_SUPERVISION_WEIGHTS`, each of the shape of `target`.
        channel_axis: Axis of the channels.
        is_mean: Whether the sum is divided by the sum of the weights, 3.6, as in the code; the paper has the sum.

    Returns:
        Scalar float32.

    Raises:
        ValueError: when `outputs` are not those of a network with deep supervision.

    Source: code; fixtures `loss_div3p6` and, for the sum, `loss_sum`.
    """
    if set(outputs) != set(DEEP_SUPERVISION_WEIGHTS):
        raise ValueError(
            f"outputs (={', '.join(sorted(outputs))}) must be {', '.join(DEEP_SUPERVISION_WEIGHTS)}: "
            "build the network with deep_supervision=True"
        )
    total: Any = 0.0
    for name, weight in DEEP_SUPERVISION_WEIGHTS.items():
        total = total + weight * softmax_cross_entropy(target, outputs[name], channel_axis)
    return total / sum(DEEP_SUPERVISION_WEIGHTS.values()) if is_mean else total
