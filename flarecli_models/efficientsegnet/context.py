"""The context block of EfficientSegNet: pyramid pooling beside anisotropic strip pooling."""

from __future__ import annotations

from typing import Any

from keras import layers

from flarecli_models.data_format import channel_axis, spatial_axes
from flarecli_models.efficientsegnet.blocks import CUBE, POINT, Blocks
from flarecli_models.layers import AveragePooling3D

REDUCTION = 4
"""The block works with this part of the channels. Source: code."""

PYRAMID = (2, 4)
"""Sizes of the pools of the pyramid. Source: paper, code."""


def context_block(blocks: Blocks, x: Any, strip_zyx: tuple[int, int, int], name: str = "context") -> Any:
    """Chain a context block onto the features of the deepest level, which its result replaces.

    From features reduced to a quarter of the channels, one arm sums three scales, the other profiles along z, y and
    x. Both see the reduced features; the sum of those and the two arms goes back to all channels, without
    normalisation or activation.

    Args:
        blocks: Of the network.
        x: Features with a known size of at least 4 and at least `strip_zyx` along each axis.
        strip_zyx: How far the strips are pooled along each axis: the size of the deepest level.
        name: Prefix of the layers' names.

    Source: paper section 2.2; code, where `strip_zyx` follows from the configured size of the network's input.
    """
    axis = channel_axis(blocks.data_format)
    filters = x.shape[axis]
    inner = filters // REDUCTION
    shape_zyx = tuple(x.shape[spatial] for spatial in spatial_axes(blocks.data_format))
    z, y, x_size = strip_zyx

    def pooled(features: Any, pool: tuple[int, int, int], kernel: tuple[int, int, int], branch: str) -> Any:
        """Average over cells that do not overlap, convolve the cells, resize them back.

        In float32 whatever the precision of the rest: there are few cells, and the gradient that TensorFlow 2.21 gives
        a kernel on 2x3x4 of them in bfloat16 holds NaN now and then.
        """
        pool_layer = AveragePooling3D(pool, data_format=blocks.data_format, name=f"{branch}_pool")
        cells = blocks.normalized(pool_layer(features), inner, kernel, branch, dtype="float32")
        return blocks.resized(cells, shape_zyx, f"{branch}_resized")

    def arm(branches: list[Any], arm_name: str) -> Any:
        total = layers.ReLU(name=f"{arm_name}_activation")(layers.Add(name=f"{arm_name}_sum")(branches))
        return blocks.activated(total, inner, CUBE, f"{arm_name}_exit")

    reduced = blocks.activated(x, inner, POINT, f"{name}_entry")

    pyramid = f"{name}_pyramid"
    features = blocks.activated(reduced, inner, POINT, f"{pyramid}_entry")
    scales = [blocks.normalized(features, inner, CUBE, f"{pyramid}_full")]
    scales += [pooled(features, (size,) * 3, CUBE, f"{pyramid}_pool{size}") for size in PYRAMID]
    scales_seen = arm(scales, pyramid)

    strip = f"{name}_strip"
    features = blocks.activated(reduced, inner, POINT, f"{strip}_entry")
    profiles = [
        pooled(features, (1, y, x_size), (3, 1, 1), f"{strip}_z"),
        pooled(features, (z, 1, x_size), (1, 3, 1), f"{strip}_y"),
        pooled(features, (z, y, 1), (1, 1, 3), f"{strip}_x"),
    ]
    profiles_seen = arm(profiles, strip)

    both = layers.Concatenate(axis=axis, name=f"{name}_arms")([scales_seen, profiles_seen])
    merged = blocks.normalized(both, inner, POINT, f"{name}_merge")
    merged = layers.ReLU(name=f"{name}_activation")(layers.Add(name=f"{name}_sum")([reduced, merged]))
    exit_features = blocks.activated(merged, inner, CUBE, f"{name}_exit")
    return blocks.convolution(exit_features, filters, POINT, f"{name}_output")
