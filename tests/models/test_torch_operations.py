"""Layers in PyTorch's own words: the same numbers, and no tensor overwritten that is still needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from flarecli_models.execution import MemoryEfficientExecutor
from flarecli_models.layers import AlignedResize3D, AveragePooling3D, InstanceNormalization
from flarecli_models.torch_operations import torch_operation
from tests.models import model_checks as checks

pytestmark = pytest.mark.skipif(checks.BACKEND != "torch", reason="is about PyTorch")

FIRST = "channels_first"


def residual(x: Any) -> Any:
    y = layers.Conv3D(3, 3, padding="same", data_format=FIRST)(x)
    y = layers.LeakyReLU(0.1)(layers.Dropout(0.5)(y))
    return layers.ReLU()(layers.Add()([x, layers.Conv3D(3, 1, data_format=FIRST, use_bias=False)(y)]))


def used_twice(x: Any) -> Any:
    y = layers.Conv3D(3, 3, padding="same", data_format=FIRST)(x)
    return layers.Concatenate(axis=1)([layers.ReLU()(y), layers.LeakyReLU(0.1)(layers.Dropout(0.5)(y)), y])


def of_the_input(x: Any) -> Any:
    return layers.Add()([layers.Dropout(0.5)(layers.LeakyReLU(0.1)(layers.Dropout(0.5)(x))), x])


def normalised(x: Any) -> Any:
    y = layers.Conv3D(4, (3, 1, 3), 2, data_format=FIRST, use_bias=False)(x)
    y = layers.SpatialDropout3D(0.5, data_format=FIRST)(InstanceNormalization(data_format=FIRST)(y))
    return layers.LeakyReLU(0.01)(y)


def kinds_of_padding(x: Any) -> Any:
    ways = [
        layers.Conv3D(3, 3, padding="same", dilation_rate=2, data_format=FIRST),
        layers.Conv3D(3, 2, padding="same", data_format=FIRST),
        layers.Conv3D(3, (1, 3, 5), padding="same", data_format=FIRST, activation="relu"),
        layers.Conv3D(3, 3, padding="same", groups=3, data_format=FIRST),
        layers.ReLU(max_value=0.5),
        layers.ReLU(negative_slope=0.5),
    ]
    return layers.Concatenate(axis=1)([way(x) for way in ways])


def padded(x: Any) -> Any:
    margin = layers.ZeroPadding3D(1, data_format=FIRST)
    positive = layers.ReLU()(x)
    ways = [
        layers.Conv3D(3, 3, 2, data_format=FIRST)(margin(positive)),
        layers.Conv3D(3, (3, 3, 2), 2, dilation_rate=1, data_format=FIRST)(margin(x)),
        layers.MaxPooling3D(3, 2, data_format=FIRST)(layers.ZeroPadding3D(1, data_format=FIRST)(positive)),
        layers.MaxPooling3D(3, 2, data_format=FIRST)(layers.ZeroPadding3D(1, data_format=FIRST)(x)),
        AveragePooling3D(3, 2, data_format=FIRST)(layers.ZeroPadding3D(1, data_format=FIRST)(x)),
    ]
    ways = [layers.Cropping3D(((0, 0), (0, 0), (0, way.shape[-1] - 4)), data_format=FIRST)(way) for way in ways]
    one_sided = layers.ZeroPadding3D(((0, 1), (0, 1), (0, 1)), data_format=FIRST)(x)
    ways.append(layers.Conv3D(3, 3, 2, padding="valid", data_format=FIRST)(one_sided)[..., :3, :3, :])
    both = layers.ZeroPadding3D(1, data_format=FIRST)(x)
    ways.append(layers.Conv3D(3, 3, data_format=FIRST)(both)[:, :, :3, :3, :4])
    ways.append(layers.Conv3D(3, 3, dilation_rate=2, data_format=FIRST)(both)[:, :, :3, :3, :4])
    return layers.Concatenate(axis=1)([ways[0][:, :, :3, :3], *(way[:, :, :3, :3] for way in ways[1:])])


def sums(x: Any) -> Any:
    def own() -> Any:
        return layers.Conv3D(3, 1, data_format=FIRST)(x)

    channel = layers.Conv3D(1, 1, data_format=FIRST)(x)
    pairs = [[own(), x], [x, own()], [x, x], [own(), own(), own()], [x, own(), x], [x, x, own()], [channel, own()]]
    resized = AlignedResize3D((7, 6, 8), data_format=FIRST)(own())
    return layers.Concatenate(axis=1)([layers.ReLU()(layers.Add()(pair)) for pair in [*pairs, [resized, x]]])


@pytest.mark.parametrize("build", [residual, used_twice, of_the_input, normalised, kinds_of_padding, padded, sums])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_same_numbers_as_the_plain_call(build: Callable[[Any], Any], policy: str) -> None:
    def make() -> keras.Model:
        image = keras.Input((3, 7, 6, 8))
        return keras.Model(image, layers.Activation("linear", dtype="float32")(build(image)))

    model = checks.under_policy(policy, make)
    checks.with_weights(model, checks.seeded_weights(model, seed=41))
    batch = np.random.default_rng(42).normal(size=(1, 3, 7, 6, 8)).astype(np.float32)
    image = ops.convert_to_tensor(batch.copy())
    expected = ops.convert_to_numpy(model(image, training=False))
    actual = ops.convert_to_numpy(MemoryEfficientExecutor(model)(image))
    checks.assert_close(actual, expected, atol=1e-5 if policy == "float32" else 0.1)
    np.testing.assert_array_equal(ops.convert_to_numpy(image), batch)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_slices_with_batch_normalisation(policy: str) -> None:
    def make() -> keras.Model:
        x = image = keras.Input((3, 8, 6))
        for strides in (1, 2):
            x = layers.Conv2D(4, 3, strides, padding="same", data_format=FIRST)(x)
            x = layers.ReLU()(layers.BatchNormalization(axis=1, epsilon=1e-5)(x))
        return keras.Model(image, layers.Activation("linear", dtype="float32")(x))

    model = checks.under_policy(policy, make)
    checks.with_weights(model, checks.seeded_weights(model, seed=43))
    image = ops.convert_to_tensor(np.random.default_rng(44).normal(size=(2, 3, 8, 6)).astype(np.float32))
    expected = ops.convert_to_numpy(model(image, training=False))
    scores = MemoryEfficientExecutor(model)(image)
    checks.assert_close(ops.convert_to_numpy(scores), expected, atol=1e-5 if policy == "float32" else 0.1)
    assert scores.is_contiguous()


def normalised_instances(x: Any) -> Any:
    return InstanceNormalization(data_format=FIRST)(x)


def resized(x: Any) -> Any:
    return AlignedResize3D((13, 13, 2), data_format=FIRST)(x)


@pytest.mark.parametrize(
    ("follows", "policy", "is_innermost"),
    [
        (layers.ReLU(), "float32", True),
        (normalised_instances, "float32", True),
        (normalised_instances, "mixed_bfloat16", False),
        (resized, "float32", False),
    ],
)
def test_channels_are_innermost_unless_what_follows_copies(
    follows: Callable[[Any], Any], policy: str, is_innermost: bool
) -> None:
    import torch

    def make() -> keras.Model:
        # Smaller tensors go through a convolution of PyTorch's that knows no other order.
        image = keras.Input((32, 26, 26, 4))
        x = layers.Conv3D(32, 3, padding="same", data_format=FIRST, name="convolution", dtype="float32")(image)
        return keras.Model(image, follows(x))

    run = MemoryEfficientExecutor(checks.under_policy(policy, make))
    (node,) = (node for node in run._nodes if node.operation.name == "convolution")
    convolved = run._operations[id(node)](torch.ones(1, 32, 26, 26, 4))
    assert convolved.is_contiguous(memory_format=torch.channels_last_3d) is is_innermost
    assert run(torch.ones(1, 32, 26, 26, 4)).is_contiguous()


def test_nothing_is_padded_before_a_convolution_or_a_maximum_of_what_is_never_negative() -> None:
    image = keras.Input((3, 8, 8, 8))
    x = layers.Conv3D(3, 3, 2, data_format=FIRST)(layers.ZeroPadding3D(1, data_format=FIRST, name="margin")(image))
    x = layers.MaxPooling3D(3, 2, data_format=FIRST)(layers.ZeroPadding3D(1, data_format=FIRST)(layers.ReLU()(x)))
    run = MemoryEfficientExecutor(keras.Model(image, x))
    paddings = [node for node in run._nodes if isinstance(node.operation, layers.ZeroPadding3D)]
    tensor = ops.convert_to_tensor(np.ones((1, 3, 8, 8, 8), np.float32))
    assert len(paddings) == 2
    assert all(run._operations[id(node)](tensor) is tensor for node in paddings)


def test_what_pytorch_does_in_its_own_words() -> None:
    convolution = layers.Conv3D(2, 3, padding="same", data_format=FIRST)
    convolution.build((1, 2, None, None, None))
    assert torch_operation(convolution, may_overwrite=False) is not None
    assert torch_operation(layers.LeakyReLU(0.1), may_overwrite=True) is not None
    assert torch_operation(layers.LeakyReLU(0.1), may_overwrite=False) is None
    assert torch_operation(layers.Conv3D(2, 3, padding="same", data_format="channels_last"), may_overwrite=True) is None
