"""Instance normalisation without scale and shift, in each backend's best form."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from flarecli_models.data_format import CHANNELS_FIRST, spatial_axes


@keras.saving.register_keras_serializable(package="flarecli_models")
class InstanceNormalization(keras.layers.Layer):
    """Gives every channel of every sample mean 0 and variance 1 over its voxels.

    (x - mean) / sqrt(variance + epsilon) with the biased variance; nothing is trained, nothing is remembered, so that
    training and inference do the same. Sums are taken in float32 whatever the precision of the input.

    Args:
        epsilon: Keeps the quotient finite.
        data_format: "channels_first" or "channels_last"; Keras' setting where None.

    Shapes: the output has the shape and dtype of the input, (batch, channels, z, y, x) or channels last.

    Source: EfficientSegNet code (epsilon 1e-5, PyTorch's default).
    """

    def __init__(self, epsilon: float = 1e-5, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.data_format = data_format or keras.config.image_data_format()
        self.built = True

    def call(self, inputs: Any) -> Any:
        backend = keras.backend.backend()
        if backend == "openvino":
            return self._in_fusible_form(inputs)
        if backend == "torch" and self.data_format == CHANNELS_FIRST:
            import torch

            return torch.nn.functional.instance_norm(inputs, eps=self.epsilon)
        x = ops.cast(inputs, "float32")
        centred = x - self._mean(x)
        scale = ops.rsqrt(self._mean(ops.square(centred)) + self.epsilon)
        return ops.cast(centred * scale, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon, "data_format": self.data_format}

    def _in_fusible_form(self, x: Any) -> Any:
        """OpenVINO's compiler makes one operation of exactly these, a quotient at the end, not a product."""
        axes = spatial_axes(self.data_format)
        centred = x - ops.mean(x, axis=axes, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=axes, keepdims=True)
        return centred / ops.sqrt(variance + self.epsilon)

    def _mean(self, x: Any) -> Any:
        """Mean over one axis after the other: a single float32 sum over millions of voxels loses three digits."""
        for axis in reversed(spatial_axes(self.data_format)):
            x = ops.mean(x, axis=axis, keepdims=True)
        return x
