"""Bilinear upsampling of slices: the matrices of linear interpolation."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from flarecli.resample import linear_matrix
from flarecli_models.data_format import CHANNELS_FIRST, CHANNELS_LAST, resolved_data_format
from flarecli_models.layers import LinearUpsampling2D
from tests.models import model_checks as checks


def upsampled(layer: LinearUpsampling2D, batch: np.ndarray) -> np.ndarray:
    """The layer's result for a batch (batch, channels, y, x), computed in the layer's layout."""
    shape = batch.shape[1:] if layer.data_format == CHANNELS_FIRST else (*batch.shape[2:], batch.shape[1])
    image = keras.Input(shape)
    model = keras.Model(image, layer(image))
    if layer.data_format != resolved_data_format(None):
        model = checks.in_usual_layout(model)
    return checks.predict(model, batch)


@pytest.mark.parametrize("data_format", [CHANNELS_FIRST, CHANNELS_LAST])
@pytest.mark.parametrize("factor", [2, 4, 8])
def test_equals_interpolation_matrices(factor: int, data_format: str) -> None:
    batch = np.random.default_rng(factor).normal(size=(2, 3, 4, 5)).astype(np.float32)
    expected = np.einsum("nciy,xy->ncix", batch, linear_matrix(5, 5 * factor))
    expected = np.einsum("nciy,ji->ncjy", expected, linear_matrix(4, 4 * factor)).astype(np.float32)
    checks.assert_close(upsampled(LinearUpsampling2D(factor, data_format=data_format), batch), expected, atol=2e-6)


def test_settings_and_output_shape_are_told() -> None:
    layer = LinearUpsampling2D(4, data_format=CHANNELS_LAST, name="up")
    assert layer.compute_output_shape((None, 3, None, 7)) == (None, 12, None, 7)
    again = LinearUpsampling2D.from_config(layer.get_config())
    assert (again.factor, again.data_format, again.name) == (4, CHANNELS_LAST, "up")


def test_operations_by_hand() -> None:
    # Factor 2: four products and two sums for each of the 12 samples along y, then for each of the 24 along x.
    layer = LinearUpsampling2D(2, data_format=CHANNELS_FIRST)
    assert layer.interpolation_operations((1, 1, 3, 4)) == (4 * (12 + 24), 2 * (12 + 24))
