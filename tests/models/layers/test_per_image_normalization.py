"""Normalisation of every image by its own statistics, written out in numpy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from flarecli_models.data_format import resolved_data_format
from flarecli_models.layers import PerImageNormalization
from tests.models import model_checks as checks

EPSILON = 1e-3


def normalised(axis: int, batch: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """The layer's result for a batch (batch, channels, y, x), with the channels on `axis` of what the layer sees."""
    shape = batch.shape[1:] if axis == 1 else (*batch.shape[2:], batch.shape[1])
    image = keras.Input(shape)
    model = keras.Model(image, PerImageNormalization(axis=axis, epsilon=EPSILON, name="norm")(image))
    checks.with_weights(model, weights)
    if (axis == 1) != (resolved_data_format(None) == "channels_first"):
        model = checks.in_usual_layout(model)
    return checks.predict(model, batch)


@pytest.mark.parametrize("axis", [1, -1])
def test_equals_the_definition(axis: int) -> None:
    generator = np.random.default_rng(71)
    batch = (generator.normal(size=(2, 3, 5, 6)) * [[[[2.0]], [[0.1]], [[5.0]]]] + 40).astype(np.float32)
    weights = {
        f"norm/{part}": generator.uniform(0.5, 2, 3).astype(np.float32)
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    gamma, beta = (weights[f"norm/{part}"].reshape(3, 1, 1) for part in ("gamma", "beta"))
    image = batch.astype(np.float64)
    mean, variance = (np.asarray(of(image, axis=(2, 3), keepdims=True)) for of in (np.mean, np.var))
    expected = (image - mean) / np.sqrt(variance + EPSILON) * gamma + beta
    checks.assert_close(normalised(axis, batch, weights), expected.astype(np.float32), atol=1e-4)
