"""Fusion of local and spatial logits by the spatial ones' entropy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from flarecli_models.layers import EntropyFusion
from tests.models import efficientscn_reference as reference


@pytest.mark.parametrize("epsilon", [1e-8, 1e-5])
def test_equals_its_definition(epsilon: float) -> None:
    local, spatial = np.random.default_rng(8).normal(0, 2, (2, 5, 3, 4, 5)).astype(np.float32)
    layer = EntropyFusion(epsilon, channel_axis=1)
    result = keras.ops.convert_to_numpy(layer(local[None], spatial[None]))[0]
    np.testing.assert_allclose(result, reference.fused(local, spatial, epsilon), rtol=0, atol=2e-6)


def test_an_unsure_spatial_opinion_leaves_the_local_one() -> None:
    local = np.array([[0.5, -1.0, 2.0]], np.float32)
    scores = keras.ops.convert_to_numpy(EntropyFusion()(local, np.zeros_like(local)))
    likely = reference.sigmoid(local.astype(np.float64))
    np.testing.assert_allclose(scores, likely / likely.sum(), atol=1e-6)


def test_a_sure_spatial_opinion_decides() -> None:
    local = np.array([[8.0, -8.0]], np.float32)
    scores = keras.ops.convert_to_numpy(EntropyFusion()(local, np.array([[-60.0, 60.0]], np.float32)))
    np.testing.assert_allclose(scores, [[0.0, 1.0]], atol=1e-6)


def test_each_sample_of_a_batch_is_normalised_by_itself() -> None:
    local, spatial = np.random.default_rng(9).normal(size=(2, 3, 5, 2, 2, 2)).astype(np.float32)
    together = keras.ops.convert_to_numpy(EntropyFusion(channel_axis=1)(local, spatial))
    alone = keras.ops.convert_to_numpy(EntropyFusion(channel_axis=1)(local[1:2], spatial[1:2]))
    np.testing.assert_allclose(together[1:2], alone, atol=1e-7)


def test_it_stays_float32_and_keeps_its_settings() -> None:
    layer = EntropyFusion(1e-5, channel_axis=1, dtype="float16", name="final")
    again = EntropyFusion.from_config(layer.get_config())
    assert (layer.compute_dtype, again.compute_dtype) == ("float32", "float32")
    assert (again.epsilon, again.channel_axis, again.name) == (1e-5, 1, "final")
