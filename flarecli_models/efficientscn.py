"""EfficientSCN: a localization U-Net and a SpatialConfiguration-Net, as Keras 3 functional models.

Source: F. Thaler, C. Payer, H. Bischof, D. Štern, "Efficient Multi-Organ Segmentation Using
SpatialConfiguration-Net with Low GPU Memory Requirements", 2021 (FLARE21), and its published code.

Layers carry the names of their weights: `contracting0_conv0` ... `prediction` in the localization network,
`local_contracting0_conv0`, `local_prediction`, `spatial_label2_expanding1_conv0`, `spatial_label2_prediction` in
the SpatialConfiguration-Net; level 0 is the finest.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from flarecli_models.data_format import channel_axis, input_shape, resolved_data_format
from flarecli_models.layers import (
    AveragePooling3D,
    CubicUpsampling3D,
    EntropyFusion,
    LinearUpsampling3D,
    SaltAndPepper3D,
)

Shape = tuple[int | None, int | None, int | None]

NEGATIVE_SLOPE = 0.1
"""Slope of the leaky ReLU. Source: code; confirmed in the published localization graph."""

SPATIAL_REDUCTION = 4
"""The spatial networks see the volume reduced by this factor. Source: code."""

SPATIAL_CHANNEL_DROPOUT = 0.25
"""Dropout rate of a whole input probability map of a spatial network in training. Source: code, which applies it twice
by an oversight; here once."""

SPATIAL_IMAGE_DROPOUT = 0.5
"""Dropout rate of the image as an input of a spatial network in training. Source: code."""


def localization_unet(
    shape: Shape = (None, None, None),
    filters: int = 32,
    levels: int = 5,
    outputs: int = 2,
    dropout: float = 0.1,
    data_format: str | None = None,
) -> keras.Model:
    """Build the U-Net that finds the organ region in a coarse scan.

    Args:
        shape: Input size in z, y, x; each a multiple of 2^(levels - 1) (16 for 5 levels), None for any.
        filters: Channels of every convolution.
        levels: Levels of the U-Net.
        outputs: Classes (background, any organ).
        dropout: Rate of dropout after every 3x3x3 convolution, in training.
        data_format: "channels_first" or "channels_last"; the backend's faster one where None. Weights do not
            depend on it.

    Returns:
        Model from images (batch, 1 channel, z, y, x; HU / 2048 clipped to [-1, 1]) to logits (batch, `outputs`
        channels, z, y, x), float32. 637,474 parameters with the defaults.

    Source: paper section 2.1; code.
    """
    data_format = resolved_data_format(data_format)
    image = keras.Input(input_shape(shape, 1, data_format), name="image")
    features = _unet(image, filters, levels, dropout, data_format, prefix="")
    logits = _prediction(features, outputs, data_format, name="prediction")
    return keras.Model(image, _as_float32(logits, "logits"), name="efficientscn_localization")


def spatial_configuration_net(
    shape: Shape = (None, None, None),
    local_filters: int = 32,
    local_levels: int = 5,
    spatial_filters: int = 16,
    spatial_levels: int = 4,
    labels: int = 5,
    dropout: float = 0.1,
    epsilon: float = 1e-8,
    data_format: str | None = None,
) -> keras.Model:
    """Build the SpatialConfiguration-Net that segments the organ region.

    A local U-Net gives logits of every label. For each label a small U-Net at a quarter of the resolution sees the
    image and the local probabilities of the other organs, and predicts the location of that label. Where its
    entropy is high, the local probabilities are used (`EntropyFusion`).

    Args:
        shape: Input size in z, y, x; each a multiple of 2^(local_levels - 1) and of 4 * 2^(spatial_levels - 1)
            (32 with the defaults), None for any.
        local_filters: Channels of every convolution of the local U-Net.
        local_levels: Levels of the local U-Net.
        spatial_filters: Channels of every convolution of the spatial U-Nets.
        spatial_levels: Levels of the spatial U-Nets.
        labels: Labels including background 0.
        dropout: Rate of dropout after every 3x3x3 convolution, in training.
        epsilon: Keeps the normalisation of `final` finite; 1e-8 in the training code, 1e-5 in the published
            inference module.
        data_format: "channels_first" or "channels_last"; the backend's faster one where None. Weights do not
            depend on it.

    Returns:
        Model from images (batch, 1 channel, z, y, x; HU / 2048 clipped to [-1, 1]) to a dictionary of float32
        tensors (batch, `labels` channels, z, y, x): `final` (scores that sum to 1), `local` and `spatial` (logits).
        1,270,090 parameters with the defaults.

    Source: paper section 2.2; code (the spatial part and the fusion are described there alone).
    """
    data_format = resolved_data_format(data_format)
    axis = channel_axis(data_format)
    image = keras.Input(input_shape(shape, 1, data_format), name="image")

    features = _unet(image, local_filters, local_levels, dropout, data_format, prefix="local_")
    local_logits = _prediction(features, labels, data_format, name="local_prediction")

    probabilities = ops.stop_gradient(_reduced(ops.sigmoid(local_logits), data_format, "local_reduced"))
    probabilities = SaltAndPepper3D(data_format=data_format, name="local_noise")(probabilities)
    probabilities = layers.SpatialDropout3D(
        SPATIAL_CHANNEL_DROPOUT, data_format=data_format, name="local_channel_dropout"
    )(probabilities)
    coarse_image = layers.SpatialDropout3D(
        SPATIAL_IMAGE_DROPOUT, data_format=data_format, name="image_channel_dropout"
    )(_reduced(image, data_format, "image_reduced"))

    organs = ops.split(probabilities, labels, axis=axis)[1:]
    spatial_logits = []
    for label in range(labels):
        prefix = f"spatial_label{label}_"
        others = [organ for other, organ in enumerate(organs, start=1) if other != label]
        seen = layers.Concatenate(axis=axis, name=f"{prefix}input")([coarse_image, *others])
        features = _unet(seen, spatial_filters, spatial_levels, dropout, data_format, prefix=prefix)
        spatial_logits.append(_prediction(features, 1, data_format, name=f"{prefix}prediction"))
    coarse_logits = layers.Concatenate(axis=axis, name="spatial_coarse")(spatial_logits)
    upsampling = CubicUpsampling3D(SPATIAL_REDUCTION, data_format=data_format, name="spatial_upsampling")

    local = _as_float32(local_logits, "local")
    spatial = _as_float32(upsampling(coarse_logits), "spatial")
    final = EntropyFusion(epsilon, channel_axis=axis, name="final")(local, spatial)
    return keras.Model(image, {"final": final, "local": local, "spatial": spatial}, name="efficientscn_segmentation")


def _unet(x: Any, filters: int, levels: int, dropout: float, data_format: str, prefix: str) -> Any:
    """Chain a U-Net of constant width onto `x`; the deepest level has two blocks, one of each path."""
    axis = channel_axis(data_format)
    skips = []
    for level in range(levels):
        if level:
            x = AveragePooling3D(2, data_format=data_format, name=f"{prefix}contracting{level}_pool")(x)
        x = _block(x, filters, dropout, data_format, f"{prefix}contracting{level}")
        skips.append(x)
    x = _block(x, filters, dropout, data_format, f"{prefix}expanding{levels - 1}")
    for level in reversed(range(levels - 1)):
        name = f"{prefix}expanding{level}"
        upsampled = LinearUpsampling3D(2, data_format=data_format, name=f"{name}_upsampling")(x)
        x = layers.Concatenate(axis=axis, name=f"{name}_input")([skips[level], upsampled])
        x = _block(x, filters, dropout, data_format, name)
    return x


def _block(x: Any, filters: int, dropout: float, data_format: str, name: str) -> Any:
    """Chain two 3x3x3 convolutions onto `x`, each followed by leaky ReLU and dropout."""
    for index in range(2):
        x = layers.Conv3D(
            filters,
            3,
            padding="same",
            data_format=data_format,
            kernel_initializer="he_normal",
            name=f"{name}_conv{index}",
        )(x)
        x = layers.LeakyReLU(NEGATIVE_SLOPE, name=f"{name}_activation{index}")(x)
        x = layers.Dropout(dropout, name=f"{name}_dropout{index}")(x)
    return x


def _prediction(x: Any, channels: int, data_format: str, name: str) -> Any:
    return layers.Conv3D(channels, 1, data_format=data_format, kernel_initializer="he_normal", name=name)(x)


def _reduced(x: Any, data_format: str, name: str) -> Any:
    return AveragePooling3D(SPATIAL_REDUCTION, data_format=data_format, name=name)(x)


def _as_float32(x: Any, name: str) -> Any:
    return layers.Activation("linear", dtype="float32", name=name)(x)
