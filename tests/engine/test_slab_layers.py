"""Single layers in slabs: kernels, strides, dilations, paddings and sizes that do not divide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import layers, ops

from flarecli_models.data_format import CHANNELS_FIRST, channel_axis, resolved_data_format
from flarecli_models.layers import (
    AlignedResize3D,
    AveragePooling3D,
    CubicUpsampling3D,
    EntropyFusion,
    InstanceNormalization,
    LinearUpsampling3D,
    PerImageNormalization,
)
from tests.engine import slabs
from tests.models import model_checks as checks

pytestmark = [checks.needs_eager, pytest.mark.usefixtures("weights_of_zero")]

FORMAT = resolved_data_format(None)
CHANNELS = channel_axis(FORMAT)
ROWS = 2 if FORMAT == CHANNELS_FIRST else 1
CONVOLUTIONS = [
    {"kernel_size": size, "strides": strides, "dilation_rate": dilation, "padding": padding}
    for padding in ("same", "valid")
    for size, strides, dilation in [
        (3, 1, 1),
        (2, 1, 1),
        (5, 1, 1),
        (3, 1, 2),
        (1, 2, 1),
        (3, 2, 1),
        (2, 2, 1),
        (4, 3, 1),
    ]
]
TRANSPOSED = [
    {"kernel_size": size, "strides": strides, "padding": padding}
    for padding in ("same", "valid")
    for size, strides in [(2, 2), (3, 2), (3, 1), (4, 2), (5, 3)]
]
POOLINGS = [
    {"pool_size": size, "strides": strides, "padding": padding}
    for padding in ("same", "valid")
    for size, strides in [(2, 2), (3, 2), (2, 3), (3, 1)]
]


def check(layer: Callable[[Any], Any], size: int = 11, channels: int = 2) -> None:
    """A model of one layer, rows by rows, equals the whole."""
    shape = (size, 5, 6)
    image = keras.Input((channels, *shape) if FORMAT == CHANNELS_FIRST else (*shape, channels))
    model = slabs.seeded(keras.Model(image, layer(image)))
    batch = slabs.noise(1, channels, *shape)
    slabs.one_thread()
    expected = checks.predict(model, batch)
    run = slabs.slab_run(model)
    for rows in (1, 2, 4):
        scores, _ = run(batch, slabs.PLENTY_BYTES, rows)
        checks.assert_close(scores, expected, atol=1e-5)


@pytest.mark.parametrize("settings", CONVOLUTIONS, ids=str)
def test_convolution(settings: dict[str, Any]) -> None:
    for size in (11, 12):
        check(layers.Conv3D(3, data_format=FORMAT, **settings), size)


@pytest.mark.parametrize("settings", TRANSPOSED, ids=str)
def test_transposed_convolution(settings: dict[str, Any]) -> None:
    check(layers.Conv3DTranspose(3, data_format=FORMAT, **settings), 5)


@pytest.mark.parametrize("settings", POOLINGS, ids=str)
def test_pooling(settings: dict[str, Any]) -> None:
    for pooling in (layers.MaxPooling3D, AveragePooling3D):
        check(pooling(data_format=FORMAT, **settings))


@pytest.mark.parametrize("padding", [1, ((2, 0), (1, 1), (0, 3)), ((0, 4), (0, 0), (1, 0))])
def test_padding(padding: Any) -> None:
    check(layers.ZeroPadding3D(padding, data_format=FORMAT))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_enlargement(factor: int) -> None:
    check(LinearUpsampling3D(factor, data_format=FORMAT), 5)
    check(CubicUpsampling3D(factor, data_format=FORMAT), 5)


@pytest.mark.parametrize(("size", "target"), [(5, 10), (11, 4), (1, 5), (7, 1), (6, 6)])
def test_resizing_with_aligned_corners(size: int, target: int) -> None:
    check(AlignedResize3D((target, 10, 3), data_format=FORMAT), size)


@pytest.mark.parametrize(
    "layer",
    [
        InstanceNormalization(data_format=FORMAT),
        PerImageNormalization(axis=CHANNELS),
        layers.BatchNormalization(axis=CHANNELS),
        lambda x: EntropyFusion(channel_axis=CHANNELS)(x, ops.sigmoid(x)),
        lambda x: layers.Concatenate(CHANNELS)(ops.split(x, 2, axis=CHANNELS)[::-1]),
        lambda x: layers.Add()([x, layers.LeakyReLU()(x), layers.Dropout(0.5)(x)]),
    ],
    ids=["instance", "image", "batch", "fusion", "split", "sum"],
)
def test_row_by_row(layer: Callable[[Any], Any]) -> None:
    check(layer)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Softmax(axis=ROWS),
        layers.Concatenate(ROWS),
        layers.BatchNormalization(axis=ROWS),
        lambda x: layers.Conv3D(2, 3, padding="same", data_format=FORMAT)(layers.Softmax(axis=ROWS)(x)),
        lambda x: layers.Concatenate(ROWS)(ops.split(x, 11, axis=ROWS)[::-1]),
    ],
    ids=["softmax", "join", "batch", "before a convolution", "split"],
)
def test_what_is_not_local_is_seen_whole(layer: Callable[[Any], Any]) -> None:
    check(lambda x: layer([x, x]) if isinstance(layer, layers.Concatenate) else layer(x))


def test_moments_of_large_means_are_exact() -> None:
    """A sum of squares would lose the variance beside the mean."""
    image = keras.Input((1, 32, 16, 16) if FORMAT == CHANNELS_FIRST else (32, 16, 16, 1))
    model = keras.Model(image, InstanceNormalization(data_format=FORMAT)(image))
    batch = slabs.noise(1, 1, 32, 16, 16)
    scores, _ = slabs.slab_run(model)(batch + 4096.0, slabs.PLENTY_BYTES, 3)
    exact = (batch + 4096.0).astype("float64")
    exact = (exact - exact.mean()) / (exact.var() + 1e-5) ** 0.5
    checks.assert_close(scores, exact.astype("float32"), atol=1e-3)
