"""The networks of flarelite: small residual U-Nets with instance normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from flarecli_models.data_format import channel_axis, input_shape, resolved_data_format
from flarecli_models.layers import ClassProbabilities, InstanceNormalization

SLOPE = 0.01
"""Of the leaky rectifier below zero. Source: nnU-Net (Isensee et al. 2021)."""


Shape = tuple[int | None, int | None, int | None]
"""Size along z, y and x; None for any."""

LOCATE_FILTERS = (16, 32, 48, 64, 64)
REFINE_FILTERS = (16, 32, 48, 64)

SURROUNDINGS = 7
"""Kinds of surroundings: gut, vessels, muscle, bone, heart, fluid, soft tissue."""


def locate_unet(
    shape: Shape = (None, None, None),
    filters: Sequence[int] = LOCATE_FILTERS,
    classes: int = 5,
    data_format: str | None = None,
    *,
    surroundings: int = SURROUNDINGS,
    logits: bool = False,
) -> keras.Model:
    """Build the first stage: the body at 3 mm to class probabilities; see `residual_unet`."""
    return residual_unet(shape, filters, 1, classes, data_format, "flarelite_locate", surroundings, logits)


def refine_unet(
    shape: Shape = (None, None, None),
    filters: Sequence[int] = REFINE_FILTERS,
    classes: int = 5,
    data_format: str | None = None,
    *,
    surroundings: int = SURROUNDINGS,
    logits: bool = False,
) -> keras.Model:
    """Build the second stage: image and the first stage's foreground probabilities at 2 mm to those of classes.

    The input's channels are the image, then the probability of each class but the background. See `residual_unet`.
    """
    return residual_unet(shape, filters, classes, classes, data_format, "flarelite_refine", surroundings, logits)


def residual_unet(
    shape: Shape,
    filters: Sequence[int],
    channels: int,
    classes: int,
    data_format: str | None = None,
    name: str = "residual_unet",
    surroundings: int = 0,
    logits: bool = False,
) -> keras.Model:
    """Build a residual U-Net that maps a volume to class probabilities of the same size.

    Each level of the encoder is one residual block of two 3x3x3 convolutions, entered by a strided convolution of
    2x2x2; each of the decoder one convolution of the transposed-convolution result beside the encoder's features.

    Args:
        shape: Size of the input (z, y, x), multiples of 2^(len(filters) - 1); None for any.
        filters: Channels from the full resolution down.
        channels: Channels of the input.
        classes: Background and organs.
        data_format: "channels_first" or "channels_last"; the backend's best where None.
        name: Name of the model.
        surroundings: Kinds of surroundings that are learnt beside the organs.
        logits: Whether the output is logits for training, with the surroundings as separate classes after the organs;
            otherwise probabilities, with the surroundings as background.

    Returns:
        A model whose output is float32, one channel a class. Its weights do not depend on `logits`.

    Source: own design, after nnU-Net (Isensee et al. 2021) with residual encoder.
    """
    data_format = resolved_data_format(data_format)
    blocks = _Blocks(data_format)
    image = keras.Input(input_shape(shape, channels, data_format), name="image")
    x = blocks.residual(image, filters[0], "encode0")
    skips = [x]
    for level, count in enumerate(filters[1:], start=1):
        x = blocks.normalised(blocks.convolution(x, count, 2, f"down{level}", strides=2), f"down{level}")
        x = blocks.residual(x, count, f"encode{level}")
        skips.append(x)
    for level in reversed(range(len(filters) - 1)):
        count = filters[level]
        x = layers.Conv3DTranspose(
            count, 2, 2, use_bias=False, data_format=data_format, kernel_initializer="he_normal", name=f"up{level}"
        )(x)
        x = layers.Concatenate(channel_axis(data_format), name=f"skip{level}")([x, skips[level]])
        x = blocks.normalised(blocks.convolution(x, count, 3, f"decode{level}"), f"decode{level}")
    scores = layers.Conv3D(classes + surroundings, 1, data_format=data_format, dtype="float32", name="scores")(x)
    if not logits:
        scores = ClassProbabilities(classes, data_format=data_format, dtype="float32", name="probabilities")(scores)
    return keras.Model(image, scores, name=name)


@dataclass(frozen=True)
class _Blocks:
    data_format: str

    def convolution(self, x: Any, filters: int, size: int, name: str, strides: int = 1) -> Any:
        return layers.Conv3D(
            filters,
            size,
            strides,
            padding="same" if strides == 1 else "valid",
            use_bias=False,
            data_format=self.data_format,
            kernel_initializer="he_normal",
            name=name,
        )(x)

    def normalised(self, x: Any, name: str, *, activate: bool = True) -> Any:
        x = InstanceNormalization(data_format=self.data_format, name=f"{name}_norm")(x)
        return layers.LeakyReLU(negative_slope=SLOPE, name=f"{name}_relu")(x) if activate else x

    def residual(self, x: Any, filters: int, name: str) -> Any:
        inner = self.normalised(self.convolution(x, filters, 3, f"{name}a"), f"{name}a")
        inner = self.normalised(self.convolution(inner, filters, 3, f"{name}b"), f"{name}b", activate=False)
        if x.shape[channel_axis(self.data_format)] != filters:
            x = self.convolution(x, filters, 1, f"{name}_shortcut")
        x = layers.Add(name=f"{name}_add")([inner, x])
        return layers.LeakyReLU(negative_slope=SLOPE, name=f"{name}_relu")(x)
