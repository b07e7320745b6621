"""Trilinear upsampling by a whole factor."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from flarecli_models.data_format import CHANNELS_FIRST
from flarecli_models.layers.axis_interpolation import linear_taps
from flarecli_models.layers.openvino_interpolation import openvino_trilinear
from flarecli_models.layers.separable_upsampling import SeparableUpsampling3D


@keras.saving.register_keras_serializable(package="flarecli_models")
class LinearUpsampling3D(SeparableUpsampling3D):
    """Enlarges volumes by linear interpolation with half-pixel centres and repeated borders.

    For factor 2 and each axis: out[2n] = 0.75 x[n] + 0.25 x[n-1], out[2n+1] = 0.75 x[n] + 0.25 x[n+1].

    Args:
        factor: Whole factor of enlargement, the same along every axis.
        data_format: "channels_first" or "channels_last"; Keras' setting where None.

    Shapes: (batch, channels, z, y, x) to (batch, channels, factor z, factor y, factor x), or channels last.

    Source: EfficientSCN code (up-sampling of the U-Nets).
    """

    def __init__(self, factor: int = 2, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(factor, data_format, **kwargs)

    def taps(self) -> np.ndarray:
        return linear_taps(self.factor)

    def call(self, inputs: Any) -> Any:
        backend = keras.backend.backend()
        if backend == "openvino" and self.data_format == CHANNELS_FIRST:
            return openvino_trilinear(inputs, coordinates="half_pixel", scales=(self.factor,) * 3)
        if backend == "torch" and self.data_format == CHANNELS_FIRST:
            import torch

            return torch.nn.functional.interpolate(
                inputs, scale_factor=float(self.factor), mode="trilinear", align_corners=False
            )
        return super().call(inputs)
