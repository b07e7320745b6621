"""The blocks of EfficientSegNet against those of the published program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest

from flarecli_models.data_format import input_shape, resolved_data_format
from flarecli_models.efficientsegnet.blocks import ANISOTROPIC, CUBE, POINT, Blocks
from flarecli_models.efficientsegnet.context import context_block
from flarecli_models.efficientsegnet.networks import max_pooled
from flarecli_models.importers.efficientsegnet_state import fine_state_keys
from flarecli_models.layers import AveragePooling3D
from tests.models import model_checks as checks
from tests.shared_data import shared_path

KERNEL_AXES = (2, 3, 4, 1, 0)
BLOCK = {
    "block_conv0": "residual_unit.0.conv.weight",
    "block_conv1": "residual_unit.1.conv.weight",
    "block_shortcut": "shortcut_unit.conv.weight",
}
DOUBLE_BLOCK = {
    "block0_conv0": "residual_unit_1.0.conv.weight",
    "block0_conv1": "residual_unit_1.1.conv.weight",
    "block0_shortcut": "shortcut_unit_1.conv.weight",
    "block1_conv0": "residual_unit_2.0.conv.weight",
    "block1_conv1": "residual_unit_2.1.conv.weight",
}
CONTEXT = {
    layer: key.removeprefix("context_block.")
    for layer, key in fine_state_keys().items()
    if layer.startswith("context_")
}

Chain = Callable[[Blocks, Any], Any]


def two_blocks(blocks: Blocks, x: Any) -> Any:
    """A level of the coarse encoder."""
    return blocks.residual(blocks.residual(x, 4, "block0"), 4, "block1", projects=False)


CASES: dict[str, tuple[Chain, Mapping[str, str]]] = {
    "conv_in_relu_k3": (lambda b, x: b.activated(x, 5, CUBE, "unit"), {"unit": "conv.weight"}),
    "conv_in_k1_s2": (lambda b, x: b.normalized(x, 5, POINT, "unit", strides=2), {"unit": "conv.weight"}),
    "res_four_layer": (two_blocks, DOUBLE_BLOCK),
    "res_two_layer": (lambda b, x: b.residual(x, 4, "block"), BLOCK),
    "res_base_s2_convshortcut": (lambda b, x: b.residual(x, 6, "block", strides=2), BLOCK),
    "res_base_s2_odd": (lambda b, x: b.residual(x, 6, "block", strides=2), BLOCK),
    "res_base_identity": (lambda b, x: b.residual(x, 4, "block", projects=False), BLOCK),
    "aniso_convshortcut": (lambda b, x: b.residual(x, 4, "block", kernels=ANISOTROPIC), BLOCK),
    "aniso_identity": (lambda b, x: b.residual(x, 4, "block", kernels=ANISOTROPIC, projects=False), BLOCK),
    "context_avg_full": (lambda b, x: context_block(b, x, (8, 9, 12)), CONTEXT),
    "context_avg_partial": (lambda b, x: context_block(b, x, (4, 4, 5)), CONTEXT),
}


def sample_results(chain: Chain, batch: np.ndarray, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """What a chain of layers makes of each sample of a batch (batch, channels, z, y, x)."""
    data_format = resolved_data_format(None)
    image = keras.Input(input_shape(batch.shape[2:], batch.shape[1], data_format))
    model = keras.Model(image, chain(Blocks(0.2, data_format), image))
    checks.with_weights(model, weights)
    return np.concatenate([checks.predict(model, sample[None]) for sample in batch])


@pytest.mark.parametrize("case", CASES)
def test_a_block_equals_the_published_one(case: str) -> None:
    chain, keys = CASES[case]
    with np.load(shared_path("fixtures/efficientsegnet_blocks.npz")) as fixture:
        weights = {
            f"{layer}/kernel": fixture[f"{case}/w/{key}"].transpose(KERNEL_AXES)
            for layer, key in keys.items()
            if f"{case}/w/{key}" in fixture
        }
        result = sample_results(chain, fixture[f"{case}/input"], weights)
        checks.assert_close(result, fixture[f"{case}/output"], atol=1e-4)


def test_max_pooling_equals_the_published_one() -> None:
    """The network pools what is never negative; so does the test."""
    with np.load(shared_path("fixtures/efficientsegnet_blocks.npz")) as fixture:
        image, expected = fixture["maxpool_k3_s2_p1/input"], fixture["maxpool_k3_s2_p1/output"]
    lowest = image.min()
    result = sample_results(lambda b, x: max_pooled(x, b.data_format, "pool"), image - lowest, {})
    checks.assert_close(result, expected - lowest, atol=1e-6)


@pytest.mark.parametrize("size", [2, 4])
def test_average_pooling_drops_remainders_as_the_published_one(size: int) -> None:
    with np.load(shared_path("fixtures/efficientsegnet_blocks.npz")) as fixture:
        image = fixture[f"avgpool_{size}/input"]
        result = sample_results(lambda b, x: AveragePooling3D(size, data_format=b.data_format)(x), image, {})
        checks.assert_close(result, fixture[f"avgpool_{size}/output"], atol=1e-6)


@checks.needs_training
def test_dropout_takes_whole_channels_before_the_activation() -> None:
    keras.utils.set_random_seed(3)
    data_format = resolved_data_format(None)
    blocks = Blocks(0.5, data_format)
    image = keras.Input(input_shape((4, 5, 6), 2, data_format))
    model = keras.Model(image, blocks.activated(image, 16, CUBE, "unit"))
    order = [layer.name for layer in model.layers[1:]]
    assert order == ["unit", "unit_normalization", "unit_dropout", "unit_activation"]
    generator = np.random.default_rng(4)
    result = keras.ops.convert_to_numpy(model(generator.normal(size=(1, *image.shape[1:])), training=True))[0]
    channels = result.reshape(16, -1) if data_format == "channels_first" else result.reshape(-1, 16).T
    is_dropped = ~channels.any(axis=1)
    assert 0 < np.count_nonzero(is_dropped) < 16
