"""Tricubic upsampling by a whole factor."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from flarecli_models.layers.axis_interpolation import cubic_taps
from flarecli_models.layers.separable_upsampling import SeparableUpsampling3D


@keras.saving.register_keras_serializable(package="flarecli_models")
class CubicUpsampling3D(SeparableUpsampling3D):
    """Enlarges volumes by Keys' cubic convolution (a = -0.5), half-pixel centres, repeated borders.

    Not the bicubic of PyTorch (a = -0.75), and not that of TensorFlow, which renormalises at the borders.

    Args:
        factor: Whole factor of enlargement, the same along every axis.
        data_format: "channels_first" or "channels_last"; Keras' setting where None.

    Shapes: (batch, channels, z, y, x) to (batch, channels, factor z, factor y, factor x), or channels last.

    Source: EfficientSCN code (spatial logits).
    """

    def __init__(self, factor: int = 4, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(factor, data_format, **kwargs)

    def taps(self) -> np.ndarray:
        return cubic_taps(self.factor)
