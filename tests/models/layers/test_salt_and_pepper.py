"""Salt-and-pepper noise: its formula, its identity outside training, its amount."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from flarecli_models.data_format import CHANNELS_FIRST
from flarecli_models.layers import SaltAndPepper3D
from tests.models import model_checks as checks
from tests.shared_data import shared_path


def test_voxels_below_the_rate_go_to_zero_and_above_to_one() -> None:
    values = np.full((1, 1, 1, 1, 5), 0.3, np.float32)
    field = np.array([0.0, 0.09, 0.5, 0.9, 0.99], np.float32).reshape(values.shape)
    layer = SaltAndPepper3D(rate=0.2, data_format=CHANNELS_FIRST)
    result = keras.ops.convert_to_numpy(layer.disturb(_tensor(values), _tensor(field), scale=1))
    np.testing.assert_allclose(result.ravel(), [0.0, 0.0, 0.3, 1.0, 1.0], atol=1e-6)


def test_nothing_happens_outside_training() -> None:
    values = _tensor(np.full((1, 1, 8, 8, 8), 0.3, np.float32))
    assert SaltAndPepper3D(rate=1.0, data_format=CHANNELS_FIRST)(values, training=False) is values


@checks.needs_training
def test_the_rate_is_the_share_of_disturbed_voxels() -> None:
    values = _tensor(np.full((1, 1, 32, 32, 32), 0.3, np.float32))
    layer = SaltAndPepper3D(rate=0.2, scales=(1,), data_format=CHANNELS_FIRST, seed=4)
    result = keras.ops.convert_to_numpy(layer(values, training=True))
    assert np.mean(result == 0) == pytest.approx(0.1, abs=0.01)
    assert np.mean(result == 1) == pytest.approx(0.1, abs=0.01)


@checks.needs_training
def test_noise_differs_from_call_to_call() -> None:
    values = _tensor(np.full((1, 1, 16, 16, 16), 0.3, np.float32))
    layer = SaltAndPepper3D(rate=0.2, data_format=CHANNELS_FIRST, seed=4)
    first, second = (keras.ops.convert_to_numpy(layer(values, training=True)) for _ in range(2))
    assert (first != second).any()


def test_equals_the_formula_of_the_published_code() -> None:
    with np.load(shared_path("fixtures/scn_losses.npz")) as fixture:
        layer = SaltAndPepper3D(rate=float(fixture["saltpepper/rate"]), data_format=CHANNELS_FIRST)
        values = _tensor(fixture["saltpepper/input"])
        for scale in (1, 2, 4, 8):
            values = layer.disturb(values, _tensor(fixture[f"saltpepper/uniform_scale{scale}"]), scale)
        result = keras.ops.convert_to_numpy(values)
        np.testing.assert_allclose(result, fixture["saltpepper/output"], rtol=0, atol=1e-5)


def _tensor(values: np.ndarray) -> object:
    return keras.ops.convert_to_tensor(values)
