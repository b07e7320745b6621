"""Tricubic upsampling by a whole factor."""

from __future__ import annotations

from typing import Any

import keras

from flarecli_models.layers.axis_interpolation import cubic_taps, interpolate_axis
from flarecli_models.layers.linear_upsampling import enlarged_shape


@keras.saving.register_keras_serializable(package="flarecli_models")
class CubicUpsampling3D(keras.layers.Layer):
    """Enlarges volumes by Keys' cubic convolution (a = -0.5), half-pixel centres, repeated borders.

    Not the bicubic of PyTorch (a = -0.75), and not that of TensorFlow, which renormalises at the borders.

    Args:
        factor: Whole factor of enlargement, the same along every axis.
        data_format: "channels_first" or "channels_last"; Keras' setting where None.

    Shapes: (batch, channels, z, y, x) to (batch, channels, factor z, factor y, factor x), or channels last.

    Source: EfficientSCN code (spatial logits); fixture `upsample/cubic4`.
    """

    def __init__(self, factor: int = 4, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.data_format = data_format or keras.config.image_data_format()
        self.built = True

    @property
    def _spatial_axes(self) -> tuple[int, int, int]:
        return (2, 3, 4) if self.data_format == "channels_first" else (1, 2, 3)

    def call(self, inputs: Any) -> Any:
        taps = cubic_taps(self.factor)
        for axis in self._spatial_axes:
            inputs = interpolate_axis(inputs, taps, axis)
        return inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return enlarged_shape(input_shape, self._spatial_axes, self.factor)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "data_format": self.data_format}
