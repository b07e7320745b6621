"""Probabilities of classes, surplus ones among the background."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from flarecli_models.data_format import CHANNELS_FIRST, channel_axis
from flarecli_models.layers import ClassProbabilities

LOGITS = np.random.default_rng(0).normal(scale=4, size=(2, 9, 3, 4, 9)).astype(np.float32)


def probabilities(layer: ClassProbabilities, logits: np.ndarray) -> np.ndarray:
    """With the channels in front."""
    found = np.asarray(ops.convert_to_numpy(layer(logits)))
    assert found.shape == layer.compute_output_shape(logits.shape)
    return np.moveaxis(found, channel_axis(layer.data_format), 0)


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
def test_the_background_gets_the_probabilities_of_the_surplus_classes(data_format: str) -> None:
    if data_format == CHANNELS_FIRST and "tensorflow" in str(type(ops.zeros(1))):
        pytest.skip("TensorFlow has no channels-first layout without a GPU")
    layer = ClassProbabilities(4, data_format=data_format)
    shares = np.moveaxis(np.exp(LOGITS), channel_axis(data_format), 0)
    shares /= shares.sum(axis=0)
    found = probabilities(layer, LOGITS)
    np.testing.assert_allclose(found[1:], shares[1:4], atol=1e-6)
    np.testing.assert_allclose(found[0], shares[0] + shares[4:].sum(axis=0), atol=1e-6)


def test_without_surplus_classes_it_is_the_softmax() -> None:
    shares = np.exp(LOGITS[..., :4])
    found = probabilities(ClassProbabilities(4, data_format="channels_last"), LOGITS[..., :4])
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), shares / shares.sum(axis=-1, keepdims=True), atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    logits = np.array([500.0, -500.0, 500.0], np.float32).reshape(1, 1, 1, 1, 3)
    found = probabilities(ClassProbabilities(2, data_format="channels_last"), logits)
    np.testing.assert_allclose(found.ravel(), [1, 0])


def test_it_comes_back_from_its_configuration() -> None:
    layer = ClassProbabilities(5, data_format="channels_last", name="probabilities")
    assert ClassProbabilities.from_config(layer.get_config()).get_config() == layer.get_config()
