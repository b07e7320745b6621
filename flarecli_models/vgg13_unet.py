"""VGG-13 U-Net with deep supervision: axial slices to class scores, as a Keras 3 functional model.

Source: the IMT-Atlantique entry to FLARE21 and its published code (P.-H. Conze, 2021).

Level 1 is the finest. Layers carry the names of their blocks: `encoder1_conv0` to `center_conv1`, `decoder4_up`,
`decoder4_conv0` to `decoder1_conv1`, `side1_conv` to `side4_conv`, `fusion_conv`, `prediction`, and, with deep
supervision, `aux1_prediction` to `aux4_prediction`; the normalisation behind `X_conv0` is `X_norm0`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, layers

from flarecli_models.data_format import CHANNELS_FIRST, channel_axis, resolved_data_format
from flarecli_models.layers import LinearUpsampling2D, PerImageNormalization

LEVELS = 4
"""Levels with a skip connection; the centre lies one below. Source: paper, code."""

INPUT_CHANNELS = 3
"""A slice, three times: the encoder is that of a network for photographs. Source: paper, code."""

SIDE_FILTERS = 16
"""Channels that each level of the decoder gives to the fusion. Source: code."""

FUSION_FILTERS = 64
"""Channels of the fusion, whatever the width of the rest. Source: code."""

NORMALISATION_EPSILON = 1e-5
"""Source: code (PyTorch's default)."""

NORMALISATION_MOMENTUM = 0.9
"""Share of the running statistics that a training step keeps. Source: code (0.1 in PyTorch's counting)."""


def vgg13_unet(
    shape: tuple[int | None, int | None] = (512, 512),
    base_filters: int = 64,
    labels: int = 5,
    deep_supervision: bool = False,
    batch_statistics: bool = False,
    data_format: str | None = None,
) -> keras.Model:
    """Build the U-Net with the encoder of VGG-13 that segments axial slices.

    Every level of the decoder gives 16 channels, which are brought to the input's resolution and fused. In
    training each of them predicts the labels on its own, too.

    Args:
        shape: Input size along rows and columns; multiples of 16, None for any.
        base_filters: Channels of the finest level; the levels below have 2, 4, 8 and 8 times as many.
        labels: Labels including background 0.
        deep_supervision: Whether to return the auxiliary predictions, for training. Their 2,900 parameters
            are left out otherwise.
        batch_statistics: Whether every slice is normalised by its own statistics in place of the running ones,
            as the submitted program did, for prediction. The weights are the same.
        data_format: "channels_first" or "channels_last"; the backend's faster one where None. Weights do not
            depend on it.

    Returns:
        Model from slices (batch, 3 equal channels, rows, columns; zero mean and unit variance each) to float32
        logits (batch, `labels` channels, rows, columns). With deep supervision to a dictionary of such tensors:
        `final`, `aux1` (from the finest level), `aux2`, `aux3`, `aux4`. With the defaults 20,732,997 trainable
        parameters, with deep supervision 20,735,897, which is what the code has; 9,984 running statistics.

    Raises:
        ValueError: when a size is not a multiple of 16, or the data format is unknown or unusable.
    """
    for size in shape:
        if size is not None and size % 2**LEVELS:
            raise ValueError(f"each size in shape (={shape}) must be a multiple of {2**LEVELS}")
    block = _Blocks(resolved_data_format(data_format), batch_statistics)
    widths = [base_filters * factor for factor in (1, 2, 4, 8)]

    image = keras.Input(block.input_shape(shape), name="slices")
    x = image
    skips = []
    for level, width in enumerate(widths, start=1):
        x = block.encoding(x, width, f"encoder{level}")
        skips.append(x)
        x = block.pooling(x, f"encoder{level}_pool")
    x = block.encoding(x, widths[-1], "center")

    sides: list[Any] = []
    for level in range(LEVELS, 0, -1):
        x = block.decoding(x, skips[level - 1], widths[level - 1], f"decoder{level}")
        sides.insert(0, block.side(x, level))

    fused = block.unit(block.concatenation(sides, "sides"), FUSION_FILTERS, "fusion")
    final = block.prediction(fused, labels, "prediction", output="final")
    if not deep_supervision:
        return keras.Model(image, final, name="vgg13_unet")
    outputs = {"final": final}
    for level, side in enumerate(sides, start=1):
        outputs[f"aux{level}"] = block.prediction(side, labels, f"aux{level}_prediction", output=f"aux{level}")
    return keras.Model(image, outputs, name="vgg13_unet")


class _Blocks:
    """Chains the network's blocks onto tensors of one layout and one kind of normalisation."""

    def __init__(self, data_format: str, batch_statistics: bool) -> None:
        self.data_format = data_format
        self.axis = channel_axis(data_format)
        self.normalization = PerImageNormalization if batch_statistics else layers.BatchNormalization

    def input_shape(self, shape: tuple[int | None, int | None]) -> tuple[int | None, ...]:
        if self.data_format == CHANNELS_FIRST:
            return (INPUT_CHANNELS, *shape)
        return (*shape, INPUT_CHANNELS)

    def encoding(self, x: Any, filters: int, name: str) -> Any:
        """Two units, initialised as torchvision initialises VGG."""
        for index in range(2):
            x = self.unit(x, filters, name, str(index), kernel_initializer=_he_fan_out(), bias_initializer="zeros")
        return x

    def decoding(self, x: Any, skip: Any, filters: int, name: str) -> Any:
        """Upsampling by a transposed convolution, the skip connection behind it, two units."""
        x = layers.Conv2DTranspose(
            filters,
            2,
            strides=2,
            data_format=self.data_format,
            kernel_initializer=_torch_uniform(),
            bias_initializer=_torch_bias(2 * 2 * filters),
            name=f"{name}_up",
        )(x)
        x = self.concatenation([x, skip], f"{name}_input")
        for index in range(2):
            x = self.unit(x, filters, name, str(index))
        return x

    def side(self, x: Any, level: int) -> Any:
        """The level's channels for the fusion, at the resolution of the input."""
        x = self.unit(x, SIDE_FILTERS, f"side{level}")
        if level == 1:
            return x
        name = f"side{level}_upsampling"
        return LinearUpsampling2D(2 ** (level - 1), data_format=self.data_format, name=name)(x)

    def unit(self, x: Any, filters: int, name: str, suffix: str = "", **initializers_of_conv: Any) -> Any:
        """3x3 convolution with bias, batch normalisation, ReLU."""
        x = self._convolution(x, filters, f"{name}_conv{suffix}", **initializers_of_conv)
        x = self.normalization(
            axis=self.axis,
            momentum=NORMALISATION_MOMENTUM,
            epsilon=NORMALISATION_EPSILON,
            name=f"{name}_norm{suffix}",
        )(x)
        return layers.ReLU(name=f"{name}_activation{suffix}")(x)

    def prediction(self, x: Any, labels: int, name: str, output: str) -> Any:
        """3x3 convolution to logits, float32 whatever the precision."""
        return layers.Activation("linear", dtype="float32", name=output)(self._convolution(x, labels, name))

    def pooling(self, x: Any, name: str) -> Any:
        return layers.MaxPooling2D(2, data_format=self.data_format, name=name)(x)

    def concatenation(self, tensors: list[Any], name: str) -> Any:
        return layers.Concatenate(axis=self.axis, name=name)(tensors)

    def _convolution(self, x: Any, filters: int, name: str, **initializers_of_conv: Any) -> Any:
        channels = x.shape[self.axis]
        initial = {"kernel_initializer": _torch_uniform(), "bias_initializer": _torch_bias(3 * 3 * channels)}
        return layers.Conv2D(
            filters,
            3,
            padding="same",
            data_format=self.data_format,
            name=name,
            **{**initial, **initializers_of_conv},
        )(x)


def _he_fan_out() -> Any:
    """Source: code (torchvision's VGG)."""
    return initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal")


def _torch_uniform() -> Any:
    """Uniform within 1 / sqrt(fan-in). Source: code (PyTorch's default)."""
    return initializers.VarianceScaling(1.0 / 3.0, mode="fan_in", distribution="uniform")


def _torch_bias(fan_in: int) -> Any:
    """Uniform within 1 / sqrt(fan-in) of the kernel. Source: code (PyTorch's default)."""
    bound = fan_in**-0.5
    return initializers.RandomUniform(-bound, bound)
