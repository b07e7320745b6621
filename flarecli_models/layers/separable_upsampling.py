"""What the upsampling layers share: enlargement by a whole factor, one axis after the other."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import keras
import numpy as np

from flarecli_models.data_format import spatial_axes
from flarecli_models.layers.axis_interpolation import interpolate_axes


class SeparableUpsampling3D(keras.layers.Layer, ABC):
    """Base of layers that interpolate along z, then y, then x, with half-pixel centres and repeated borders.

    A subclass says the weights in `taps`.

    Args:
        factor: Whole factor of enlargement, the same along every axis.
        data_format: "channels_first" or "channels_last"; Keras' setting where None.

    Shapes: (batch, channels, z, y, x) to (batch, channels, factor z, factor y, factor x), or channels last.
    """

    def __init__(self, factor: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.data_format = data_format or keras.config.image_data_format()
        self.built = True

    @abstractmethod
    def taps(self) -> np.ndarray:
        """Weights along one axis: (factor, 2 * radius + 1), one row an output phase, the middle column for x[n]."""

    def call(self, inputs: Any) -> Any:
        return interpolate_axes(inputs, self.taps(), spatial_axes(self.data_format))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        enlarged = spatial_axes(self.data_format)
        return tuple(
            size * self.factor if axis in enlarged and size is not None else size
            for axis, size in enumerate(input_shape)
        )

    def interpolation_operations(self, input_shape: tuple[int, ...]) -> tuple[int, int]:
        """Multiplications and additions for an input of that shape, written out axis by axis."""
        taps = self.taps()
        products = int(np.count_nonzero(taps))
        sums = products - self.factor
        # Each pass enters with `factor` times the elements of the one before.
        entering = math.prod(input_shape) * (1 + self.factor + self.factor**2)
        return entering * products, entering * sums

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "data_format": self.data_format}
