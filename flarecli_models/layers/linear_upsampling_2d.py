"""Bilinear upsampling of slices by a whole factor."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from flarecli_models.data_format import CHANNELS_FIRST
from flarecli_models.layers.axis_interpolation import linear_taps


@keras.saving.register_keras_serializable(package="flarecli_models")
class LinearUpsampling2D(keras.layers.Layer):
    """Enlarges slices by linear interpolation with half-pixel centres and repeated borders.

    Equal to `keras.layers.UpSampling2D(interpolation="bilinear")`, which moves the channels to the end and
    back where they come first.

    Args:
        factor: Whole factor of enlargement, the same along both axes.
        data_format: "channels_first" or "channels_last"; Keras' setting where None.

    Shapes: (batch, channels, y, x) to (batch, channels, factor y, factor x), or channels last.

    Source: VGG-13 U-Net code (side outputs).
    """

    def __init__(self, factor: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.data_format = data_format or keras.config.image_data_format()
        self.built = True

    def call(self, inputs: Any) -> Any:
        shape = ops.shape(inputs)
        y, x = self._spatial_axes()
        return ops.image.resize(
            inputs,
            (shape[y] * self.factor, shape[x] * self.factor),
            interpolation="bilinear",
            data_format=self.data_format,
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(
            size * self.factor if axis in self._spatial_axes() and size is not None else size
            for axis, size in enumerate(input_shape)
        )

    def interpolation_operations(self, input_shape: tuple[int, ...]) -> tuple[int, int]:
        """Multiplications and additions for an input of that shape, written out axis by axis."""
        products = int(np.count_nonzero(linear_taps(self.factor)))
        sums = products - self.factor
        # The second pass enters with `factor` times the elements of the first.
        entering = math.prod(input_shape) * (1 + self.factor)
        return entering * products, entering * sums

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "data_format": self.data_format}

    def _spatial_axes(self) -> tuple[int, int]:
        return (2, 3) if self.data_format == CHANNELS_FIRST else (1, 2)
