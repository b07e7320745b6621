"""Surplus classes joined with the background."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from flarecli_models.data_format import channel_axis
from flarecli_models.layers import BackgroundUnion
from flarecli_models.layers.background_union import join_background


def softmax(scores: np.ndarray, axis: int) -> np.ndarray:
    shifted = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return shifted / shifted.sum(axis=axis, keepdims=True)


SCORES = np.random.default_rng(0).normal(scale=4, size=(2, 9, 3, 4, 9)).astype(np.float32)


@pytest.mark.parametrize("axis", [1, -1])
def test_the_background_gets_the_probabilities_of_the_surplus_classes(axis: int) -> None:
    scores = SCORES
    joined = np.asarray(ops.convert_to_numpy(join_background(scores, 4, axis)))
    apart = np.moveaxis(softmax(scores, axis), axis, 0)
    united = np.moveaxis(softmax(joined, axis), axis, 0)
    np.testing.assert_allclose(united[1:], apart[1:4], atol=1e-6)
    np.testing.assert_allclose(united[0], apart[0] + apart[4:].sum(0), atol=1e-6)


def test_the_layer_joins_along_the_channels_of_the_layout() -> None:
    layer = BackgroundUnion(4)
    joined = ops.convert_to_numpy(layer(SCORES))
    assert joined.shape == layer.compute_output_shape(SCORES.shape)
    expected = ops.convert_to_numpy(join_background(SCORES, 4, channel_axis(layer.data_format)))
    np.testing.assert_array_equal(joined, expected)


def test_large_scores_do_not_overflow() -> None:
    joined = ops.convert_to_numpy(join_background(np.array([[500.0, -500.0, 500.0]], np.float32), 2, 1))
    np.testing.assert_allclose(joined, [[500 + np.log(2), -500]], rtol=1e-6)


def test_it_comes_back_from_its_configuration() -> None:
    layer = BackgroundUnion(5, data_format="channels_last", name="union")
    assert BackgroundUnion.from_config(layer.get_config()).get_config() == layer.get_config()
