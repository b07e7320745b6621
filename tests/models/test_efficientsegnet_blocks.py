"""The blocks of EfficientSegNet against those of the published program."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
import pytest

from flarecli_models.data_format import input_shape, resolved_data_format
from flarecli_models.efficientsegnet.blocks import CUBE, Blocks
from flarecli_models.efficientsegnet.networks import max_pooled
from flarecli_models.layers import AveragePooling3D
from tests.models import model_checks as checks
from tests.models.originals.efficientsegnet_blocks import BLOCKS, Chain
from tests.shared_data import shared_path

KERNEL_AXES = (2, 3, 4, 1, 0)


def sample_results(chain: Chain, batch: np.ndarray, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """What a chain of layers makes of each sample of a batch (batch, channels, z, y, x)."""
    data_format = resolved_data_format(None)
    image = keras.Input(input_shape(batch.shape[2:], batch.shape[1], data_format))
    model = keras.Model(image, chain(Blocks(0.2, data_format), image))
    checks.with_weights(model, weights)
    return np.concatenate([checks.predict(model, sample[None]) for sample in batch])


@pytest.mark.parametrize("case", BLOCKS)
def test_a_block_equals_the_published_one(case: str) -> None:
    chain, keys = BLOCKS[case]
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
