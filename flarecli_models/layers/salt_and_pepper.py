"""Multi-scale salt-and-pepper noise on probabilities."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from flarecli_models.data_format import spatial_axes
from flarecli_models.layers.axis_interpolation import interpolate_axes, linear_taps


@keras.saving.register_keras_serializable(package="flarecli_models")
class SaltAndPepper3D(keras.layers.Layer):
    """Pushes patches of a probability map to 0 or 1, at several scales in turn; the identity outside training.

    Args:
        rate: Share of voxels of each scale's coarse grid that are pushed, half to 0 and half to 1.
        scales: Patch sizes in voxels. Sizes of the input must be divisible by each.
        data_format: "channels_first" or "channels_last"; Keras' setting where None.
        seed: Seed of the noise.

    Shapes: the output has the shape of the input, (batch, channels, z, y, x) or channels last.

    Source: EfficientSCN code (training of the spatial configuration networks): rate 0.01, scales 1, 2, 4, 8.
    """

    def __init__(
        self,
        rate: float = 0.01,
        scales: tuple[int, ...] = (1, 2, 4, 8),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.scales = tuple(scales)
        self.data_format = data_format or keras.config.image_data_format()
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        shape = ops.shape(inputs)
        spatial = spatial_axes(self.data_format)
        for scale in self.scales:
            coarse = [size // scale if axis in spatial else size for axis, size in enumerate(shape)]
            field = keras.random.uniform(coarse, seed=self.seed_generator, dtype=inputs.dtype)
            inputs = self.disturb(inputs, field, scale)
        return inputs

    def disturb(self, values: Any, uniform_field: Any, scale: int) -> Any:
        """Apply the noise of one scale.

        Args:
            values: Probabilities.
            uniform_field: Uniform random numbers in [0, 1) on the grid of `values` divided by `scale`.
            scale: Patch size in voxels.
        """
        zeros = ops.cast(uniform_field < self.rate / 2, values.dtype)
        ones = ops.cast(uniform_field >= 1 - self.rate / 2, values.dtype)
        if scale > 1:
            taps, axes = linear_taps(scale), spatial_axes(self.data_format)
            zeros, ones = interpolate_axes(zeros, taps, axes), interpolate_axes(ones, taps, axes)
        return (1 - (1 - values) * (1 - ones)) * (1 - zeros)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "scales": self.scales,
            "data_format": self.data_format,
            "seed": self.seed,
        }
