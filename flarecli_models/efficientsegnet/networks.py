"""The two networks of EfficientSegNet.

Layers carry the names of their blocks: `encoder0_block0_conv0`, `encoder0_block0_shortcut`, `context_strip_z`,
`reduction3`, `decoder3_block0_conv1`, `prediction`; level 0 is the finest.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from flarecli_models.data_format import channel_axis, input_shape, resolved_data_format
from flarecli_models.efficientsegnet.blocks import ANISOTROPIC, POINT, Blocks
from flarecli_models.efficientsegnet.context import PYRAMID, context_block

Shape = tuple[int, int, int]


def coarse_unet(
    shape: Shape = (160, 160, 160),
    filters: tuple[int, ...] = (8, 16, 32, 64, 128),
    labels: int = 4,
    dropout: float = 0.2,
    data_format: str | None = None,
) -> keras.Model:
    """Build the residual U-Net that finds the organs in a coarse scan.

    Args:
        shape: Input size in z, y, x; each a multiple of 2^(levels - 1) (16 for 5 levels).
        filters: Channels of each level, finest first.
        labels: Organs; there is no background channel.
        dropout: Rate of channel dropout in training.
        data_format: "channels_first" or "channels_last"; the backend's faster one where None. Weights do not
            depend on it.

    Returns:
        Model from images (batch, 1 channel, z, y, x; HU clipped to [-325, 325], mean 0, variance 1) to logits of
        independent sigmoids (batch, `labels` channels, z, y, x), float32. 2,676,480 parameters with the defaults.

    Raises:
        ValueError: for a size that the levels do not divide.

    Source: paper section 2.1; code (which concatenates skip connections here).
    """
    data_format = resolved_data_format(data_format)
    _check_divisible(shape, len(filters))
    blocks = Blocks(dropout, data_format)
    image = keras.Input(input_shape(shape, 1, data_format), name="image")

    x = image
    skips = []
    for level, count in enumerate(filters):
        if level:
            x = max_pooled(x, data_format, f"encoder{level}_pool")
        x = blocks.residual(x, count, f"encoder{level}_block0")
        x = blocks.residual(x, count, f"encoder{level}_block1", projects=False)
        skips.append(x)
    for level in reversed(range(len(filters) - 1)):
        upsampled = blocks.resized(x, _shape_at(shape, level), f"decoder{level}_upsampling")
        both = layers.Concatenate(axis=channel_axis(data_format), name=f"decoder{level}_input")
        x = blocks.residual(both([skips[level], upsampled]), filters[level], f"decoder{level}_block0")
    return keras.Model(image, _prediction(blocks, x, labels), name="efficientsegnet_coarse")


def efficientsegnet(
    shape: Shape = (192, 192, 192),
    filters: tuple[int, ...] = (16, 32, 64, 128, 256),
    labels: int = 4,
    dropout: float = 0.2,
    data_format: str | None = None,
) -> keras.Model:
    """Build the context-aware network that segments the organ region.

    An encoder of residual blocks, a context block at the deepest level, and a decoder of anisotropic convolution
    blocks whose skip connections are added.

    Args:
        shape: Input size in z, y, x; each a multiple of 2^(levels - 1) (16 for 5 levels) and large enough for the
            coarsest pool of the context block to leave two cells in all. The strips of the context block are as
            long as its deepest level, so that weights trained at one size mean something else at another.
        filters: Channels of each level, finest first.
        labels: Organs; there is no background channel.
        dropout: Rate of channel dropout in training.
        data_format: "channels_first" or "channels_last"; the backend's faster one where None. Weights do not
            depend on it.

    Returns:
        Model from images (batch, 1 channel, z, y, x; HU clipped to [-325, 325], mean 0, variance 1) to logits of
        independent sigmoids (batch, `labels` channels, z, y, x), float32. 9,366,016 parameters with the defaults.

    Raises:
        ValueError: for a size that the levels do not divide, or that is too small for the context block.

    Source: paper section 2.2; code.
    """
    data_format = resolved_data_format(data_format)
    deepest = len(filters) - 1
    _check_divisible(shape, len(filters))
    _check_context(shape, _shape_at(shape, deepest))
    blocks = Blocks(dropout, data_format)
    image = keras.Input(input_shape(shape, 1, data_format), name="image")

    x = image
    skips = []
    for level, count in enumerate(filters):
        x = blocks.residual(x, count, f"encoder{level}_block0", strides=2 if level else 1)
        x = blocks.residual(x, count, f"encoder{level}_block1", projects=False)
        skips.append(x)
    x = context_block(blocks, x, strip_zyx=_shape_at(shape, deepest))
    for level in reversed(range(deepest)):
        x = blocks.activated(x, filters[level], POINT, f"reduction{level}")
        x = blocks.resized(x, _shape_at(shape, level), f"decoder{level}_upsampling")
        x = layers.Add(name=f"decoder{level}_input")([x, skips[level]])
        x = blocks.residual(x, filters[level], f"decoder{level}_block0", kernels=ANISOTROPIC)
    return keras.Model(image, _prediction(blocks, x, labels), name="efficientsegnet_fine")


def max_pooled(x: Any, data_format: str, name: str) -> Any:
    """Maxima of 3x3x3 voxels around every second one.

    The border is padded with 0, which no maximum of a ReLU's output can tell from the -inf of the code.
    """
    x = layers.ZeroPadding3D(1, data_format=data_format, name=f"{name}_padding")(x)
    return layers.MaxPooling3D(3, 2, data_format=data_format, name=name)(x)


def _prediction(blocks: Blocks, x: Any, labels: int) -> Any:
    x = blocks.convolution(x, labels, POINT, "prediction")
    return layers.Activation("linear", dtype="float32", name="logits")(x)


def _shape_at(shape: Shape, level: int) -> Shape:
    z, y, x = (size // 2**level for size in shape)
    return z, y, x


def _check_divisible(shape: Shape, levels: int) -> None:
    step = 2 ** (levels - 1)
    if any(size < step or size % step for size in shape):
        raise ValueError(f"shape (={shape}) must have multiples of {step} for {levels} levels")


def _check_context(shape: Shape, deepest_zyx: Shape) -> None:
    coarsest = max(PYRAMID)
    cells = [size // coarsest for size in deepest_zyx]
    if min(cells) < 1 or max(cells) < 2:
        raise ValueError(
            f"shape (={shape}) leaves {deepest_zyx} voxels at the deepest level; the context block needs "
            f"{coarsest} along each axis and {2 * coarsest} along one"
        )
