"""Trilinear upsampling by a whole factor."""

from __future__ import annotations

from typing import Any

import keras

from flarecli_models.layers.axis_interpolation import interpolate_axis, linear_taps


@keras.saving.register_keras_serializable(package="flarecli_models")
class LinearUpsampling3D(keras.layers.Layer):
    """Enlarges volumes by linear interpolation with half-pixel centres and repeated borders.

    For factor 2 and each axis: out[2n] = 0.75 x[n] + 0.25 x[n-1], out[2n+1] = 0.75 x[n] + 0.25 x[n+1].

    Args:
        factor: Whole factor of enlargement, the same along every axis.
        data_format: "channels_first" or "channels_last"; Keras' setting where None.

    Shapes: (batch, channels, z, y, x) to (batch, channels, factor z, factor y, factor x), or channels last.

    Source: EfficientSCN code (up-sampling of the U-Nets); fixtures `upsample/linear*`.
    """

    def __init__(self, factor: int = 2, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.data_format = data_format or keras.config.image_data_format()
        self.built = True

    @property
    def _spatial_axes(self) -> tuple[int, int, int]:
        return (2, 3, 4) if self.data_format == "channels_first" else (1, 2, 3)

    def call(self, inputs: Any) -> Any:
        if keras.backend.backend() == "torch" and self.data_format == "channels_first":
            import torch

            return torch.nn.functional.interpolate(
                inputs, scale_factor=float(self.factor), mode="trilinear", align_corners=False
            )
        taps = linear_taps(self.factor)
        for axis in self._spatial_axes:
            inputs = interpolate_axis(inputs, taps, axis)
        return inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return enlarged_shape(input_shape, self._spatial_axes, self.factor)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "data_format": self.data_format}


def enlarged_shape(
    shape: tuple[int | None, ...], axes: tuple[int, ...], factor: int
) -> tuple[int | None, ...]:
    """Shape after enlarging the given axes by `factor`; unknown sizes stay unknown."""
    return tuple(
        size * factor if axis in axes and size is not None else size for axis, size in enumerate(shape)
    )
