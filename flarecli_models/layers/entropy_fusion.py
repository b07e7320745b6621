"""Fusion of local and spatial probabilities, weighted by the entropy of the spatial ones."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="flarecli_models")
class EntropyFusion(keras.layers.Layer):
    """Mean of local and spatial class probabilities, weighted by the entropy of the spatial ones.

    With r = sigmoid(spatial), u = H(r) / ln 2 (H: binary entropy in nats), per voxel and channel
    merged = u sigmoid(local) + (1 - u) r, and the output is merged / (sum of merged over channels + epsilon).

    Args:
        epsilon: Keeps the quotient finite. 1e-8 in the training code, 1e-5 in the published inference module.
        channel_axis: Axis of the channels.

    Shapes: two tensors of logits of one shape to a tensor of that shape, float32.

    Source: EfficientSCN code; fixtures `total/fused_*`.
    """

    def __init__(self, epsilon: float = 1e-8, channel_axis: int = -1, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **{key: kwargs[key] for key in kwargs if key != "dtype"})
        self.epsilon = epsilon
        self.channel_axis = channel_axis
        self.built = True

    def call(self, local: Any, spatial: Any) -> Any:
        likely = ops.sigmoid(spatial)
        entropy = ops.softplus(spatial) - spatial * likely
        unsure = entropy * (1.0 / math.log(2.0))
        merged = unsure * ops.sigmoid(local) + (1.0 - unsure) * likely
        return merged / (ops.sum(merged, axis=self.channel_axis, keepdims=True) + self.epsilon)

    def compute_output_shape(
        self, local_shape: tuple[int | None, ...], spatial_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return local_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon, "channel_axis": self.channel_axis}
