"""Linear and cubic upsampling: matrices written out in numpy, and the published code's results."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from flarecli_models.data_format import CHANNELS_FIRST, CHANNELS_LAST, input_shape, resolved_data_format
from flarecli_models.layers import CubicUpsampling3D, LinearUpsampling3D
from flarecli_models.layers.axis_interpolation import cubic_taps, linear_taps
from flarecli_models.layers.separable_upsampling import SeparableUpsampling3D
from tests.models import efficientscn_reference as reference
from tests.models import model_checks as checks
from tests.shared_data import shared_path

LAYOUTS = pytest.mark.parametrize("data_format", [CHANNELS_FIRST, CHANNELS_LAST])


def upsampled(layer: SeparableUpsampling3D, batch: np.ndarray) -> np.ndarray:
    """The layer's result for a batch (1, channels, z, y, x), computed in float32 and in the layer's layout."""
    image = keras.Input(input_shape((None, None, None), batch.shape[1], layer.data_format))
    model = keras.Model(image, layer(image))
    if layer.data_format != resolved_data_format(None):
        model = checks.in_usual_layout(model)
    return checks.predict(model, batch)


@LAYOUTS
@pytest.mark.parametrize(
    ("layer", "kernel", "factor"),
    [
        (LinearUpsampling3D, reference.linear_kernel, 2),
        (LinearUpsampling3D, reference.linear_kernel, 3),
        (LinearUpsampling3D, reference.linear_kernel, 8),
        (CubicUpsampling3D, reference.cubic_kernel, 4),
        (CubicUpsampling3D, reference.cubic_kernel, 2),
    ],
)
def test_equals_interpolation_matrices(
    layer: type[SeparableUpsampling3D], kernel: reference.Kernel, factor: int, data_format: str
) -> None:
    batch = np.random.default_rng(factor).normal(size=(1, 2, 3, 4, 5)).astype(np.float32)
    expected = reference.enlarged(batch[0], factor, kernel)[None]
    checks.assert_close(upsampled(layer(factor, data_format=data_format), batch), expected, atol=5e-6)


@pytest.mark.parametrize("layer", [LinearUpsampling3D, CubicUpsampling3D])
def test_single_samples_are_repeated(layer: type[SeparableUpsampling3D]) -> None:
    batch = np.full((1, 1, 1, 1, 1), 3.5, np.float32)
    result = upsampled(layer(4, data_format=CHANNELS_FIRST), batch)
    checks.assert_close(result, np.full((1, 1, 4, 4, 4), 3.5, np.float32), atol=1e-5)


@pytest.mark.parametrize("taps", [linear_taps(2), linear_taps(5), cubic_taps(4), cubic_taps(3)])
def test_weights_of_each_phase_sum_to_one(taps: np.ndarray) -> None:
    np.testing.assert_allclose(taps.sum(axis=1), 1.0, atol=1e-12)


def test_output_shape_and_settings_are_told() -> None:
    layer = CubicUpsampling3D(4, data_format=CHANNELS_FIRST)
    assert layer.compute_output_shape((None, 5, 2, None, 3)) == (None, 5, 8, None, 12)
    again = CubicUpsampling3D.from_config(layer.get_config())
    assert (again.factor, again.data_format) == (4, CHANNELS_FIRST)


def test_operations_are_those_of_the_published_count() -> None:
    """With n elements entering a pass, linear by 2: 4n products, 2n sums; cubic by 4: 16n and 12n."""
    n = 3 * 4 * 5 * 6
    linear = LinearUpsampling3D(2, data_format=CHANNELS_FIRST).interpolation_operations((1, 3, 4, 5, 6))
    assert linear == (4 * n * (1 + 2 + 4), 2 * n * (1 + 2 + 4))
    cubic = CubicUpsampling3D(4, data_format=CHANNELS_FIRST).interpolation_operations((1, 3, 4, 5, 6))
    assert cubic == (16 * n * (1 + 4 + 16), 12 * n * (1 + 4 + 16))


@LAYOUTS
@pytest.mark.parametrize("case", ["linear2", "linear4", "linear8", "cubic4"])
def test_equals_the_published_code(case: str, data_format: str) -> None:
    layer = {"linear": LinearUpsampling3D, "cubic": CubicUpsampling3D}[case[:-1]]
    with np.load(shared_path("fixtures/scn_losses.npz")) as fixture:
        result = upsampled(layer(int(case[-1]), data_format=data_format), fixture["upsample/input"])
        checks.assert_close(result, fixture[f"upsample/{case}"], atol=1e-5)


def test_cubic_taps_equal_the_published_code() -> None:
    with np.load(shared_path("fixtures/scn_losses.npz")) as fixture:
        np.testing.assert_allclose(cubic_taps(4), fixture["upsample/cubic4_taps_xnm2_to_xnp2"], atol=1e-7)
