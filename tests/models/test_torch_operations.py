"""Layers in PyTorch's own words: the same numbers, and no tensor overwritten that is still needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from flarecli_models.execution import FrugalRun
from flarecli_models.layers import InstanceNormalization
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


@pytest.mark.parametrize("build", [residual, used_twice, of_the_input, normalised, kinds_of_padding])
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
    actual = ops.convert_to_numpy(FrugalRun(model)(image))
    checks.assert_close(actual, expected, atol=1e-5 if policy == "float32" else 0.1)
    np.testing.assert_array_equal(ops.convert_to_numpy(image), batch)


def test_what_pytorch_does_in_its_own_words() -> None:
    convolution = layers.Conv3D(2, 3, padding="same", data_format=FIRST)
    convolution.build((1, 2, None, None, None))
    assert torch_operation(convolution, may_overwrite=False) is not None
    assert torch_operation(layers.LeakyReLU(0.1), may_overwrite=True) is not None
    assert torch_operation(layers.LeakyReLU(0.1), may_overwrite=False) is None
    assert torch_operation(layers.Conv3D(2, 3, padding="same", data_format="channels_last"), may_overwrite=True) is None
