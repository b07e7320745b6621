"""Instance normalisation: its definition, its exactness on volumes, its form on OpenVINO."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from flarecli.engine import start_runtime
from flarecli.engine.networks import network_of
from flarecli.engine.precision_choice import INT8_BY_DEFAULT
from flarecli_models.data_format import CHANNELS_FIRST, CHANNELS_LAST, resolved_data_format
from flarecli_models.layers import InstanceNormalization
from flarecli_models.torch_normalization import instance_normalised
from tests.models import model_checks as checks
from tests.shared_data import shared_path

EPSILON = 1e-5


def normalised(batch: np.ndarray, data_format: str | None = None, precision: str = "float32") -> np.ndarray:
    """The layer's result for a batch of one (1, channels, z, y, x), computed in the given layout."""
    data_format = data_format or resolved_data_format(None)
    channels, *spatial = batch.shape[1:]
    image = keras.Input((channels, *spatial) if data_format == CHANNELS_FIRST else (*spatial, channels))
    model = keras.Model(image, InstanceNormalization(EPSILON, data_format=data_format)(image))
    if data_format != resolved_data_format(None):
        model = checks.in_usual_layout(model)
    return checks.predict(model, batch, precision=precision)


def defined(batch: np.ndarray) -> np.ndarray:
    """The definition in double precision."""
    image = batch.astype(np.float64)
    mean, variance = image.mean(axis=(2, 3, 4), keepdims=True), image.var(axis=(2, 3, 4), keepdims=True)
    return (image - mean) / np.sqrt(variance + EPSILON)


@pytest.mark.parametrize("data_format", [CHANNELS_FIRST, CHANNELS_LAST])
@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 1, 2), (34, 17, 3)])
def test_equals_the_definition(shape: tuple[int, int, int], data_format: str) -> None:
    scales = np.array([2.0, 0.001, 5.0]).reshape(3, 1, 1, 1)
    batch = (np.random.default_rng(5).normal(size=(1, 3, *shape)) * scales + 3 * scales).astype(np.float32)
    checks.assert_close(normalised(batch, data_format), defined(batch).astype(np.float32), atol=2e-5)


def test_equals_the_published_one() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_blocks.npz")) as fixture:
        for image, expected in zip(fixture["instance_norm/input"], fixture["instance_norm/output"], strict=True):
            checks.assert_close(normalised(image[None]), expected[None], atol=5e-6)


def test_sums_over_a_volume_are_exact() -> None:
    """One float32 sum over these 1.8 million voxels is off by a thousandth."""
    generator = np.random.default_rng(6)
    batch = np.abs(generator.normal(1, 1, (1, 16, 48, 192, 192))).astype(np.float32)
    result = normalised(batch)
    spread = result.reshape(16, -1).std(axis=1, dtype=np.float64)
    np.testing.assert_allclose(spread, 1.0, atol=1e-5)
    np.testing.assert_allclose(result.reshape(16, -1).mean(axis=1, dtype=np.float64), 0.0, atol=1e-5)


@pytest.mark.skipif(checks.BACKEND != "openvino", reason="is about OpenVINO's compiler")
def test_one_sum_over_a_volume_stays_near() -> None:
    batch = np.abs(np.random.default_rng(6).normal(1, 1, (1, 16, 48, 192, 192))).astype(np.float32)
    image = keras.Input(batch.shape[1:])
    model = keras.Model(image, InstanceNormalization(EPSILON, data_format=CHANNELS_FIRST)(image))
    quick = network_of(model, start_runtime("openvino", "cpu", "int8", int8=INT8_BY_DEFAULT))(batch[0])
    assert np.abs(quick - defined(batch)).max() < 0.02


def test_sizes_that_are_not_known() -> None:
    batch = np.abs(np.random.default_rng(9).normal(1, 1, (1, 16, 48, 192, 96))).astype(np.float32)
    data_format = resolved_data_format(None)
    image = keras.Input((16, None, None, None) if data_format == CHANNELS_FIRST else (None, None, None, 16))
    model = keras.Model(image, InstanceNormalization(EPSILON, data_format=data_format)(image))
    checks.assert_close(checks.predict(model, batch), defined(batch).astype(np.float32), atol=2e-5)


def test_bfloat16_keeps_what_it_can() -> None:
    batch = np.random.default_rng(7).normal(2, 1, (1, 4, 16, 16, 16)).astype(np.float32)
    if checks.BACKEND == "openvino":
        result = normalised(batch, precision="bfloat16")
    else:
        image = keras.Input(checks.batch_shape((16, 16, 16), 4)[1:])
        layer = InstanceNormalization(data_format=resolved_data_format(None), dtype="bfloat16")
        model = keras.Model(image, layer(image))
        result = checks.predict(model, batch)
    assert np.abs(result - defined(batch)).max() < 0.1


@pytest.mark.skipif(checks.BACKEND != "openvino", reason="is about OpenVINO's compiler")
@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_the_quick_form_compiles_to_one_operation(precision: str) -> None:
    import openvino
    from keras.src.backend.openvino.core import OpenVINOKerasTensor
    from openvino import opset16

    layer = InstanceNormalization(data_format=CHANNELS_FIRST)
    layer.compiled_precision = precision
    parameter = opset16.parameter([1, 16, 8, 8, 8], dtype=openvino.Type.f32)
    result = opset16.result(layer(OpenVINOKerasTensor(parameter.output(0))).output)
    compiled = openvino.Core().compile_model(openvino.Model([result], [parameter]), "CPU")
    kinds = {node.get_rt_info()["layerType"].astype(str) for node in compiled.get_runtime_model().get_ops()}
    assert "MVN" in kinds
    assert not {"Reduce", "Subgraph", "Eltwise"} & kinds


def test_settings_and_output_shape_are_told() -> None:
    layer = InstanceNormalization(1e-3, data_format=CHANNELS_LAST, name="normal")
    assert layer.compute_output_shape((None, 4, 5, 6, 2)) == (None, 4, 5, 6, 2)
    assert layer.weights == []
    again = InstanceNormalization.from_config(layer.get_config())
    assert (again.epsilon, again.data_format, again.name) == (1e-3, CHANNELS_LAST, "normal")


@pytest.mark.skipif(checks.BACKEND != "torch", reason="is about PyTorch")
@pytest.mark.parametrize("shape", [(1, 16, 40, 60, 50), (2, 3, 5, 6, 7), (3, 4, 2, 3, 2)])
def test_instance_normalisation_keeps_the_order_in_memory(shape: tuple[int, ...]) -> None:
    import torch

    torch.manual_seed(3)
    values = (torch.randn(shape) * 3 + 5).contiguous(memory_format=torch.channels_last_3d)
    x, exact = values.clone().requires_grad_(), values.double().contiguous().requires_grad_()
    y, expected = instance_normalised(x, 1e-5), torch.nn.functional.instance_norm(exact, eps=1e-5)
    gradient = torch.randn(shape) + 0.3
    y.backward(gradient)
    expected.backward(gradient.double())
    assert y.is_contiguous(memory_format=torch.channels_last_3d)
    checks.assert_close(y.detach().numpy(), expected.detach().numpy(), atol=1e-5)
    assert x.grad.is_contiguous(memory_format=torch.channels_last_3d)
    checks.assert_close(x.grad.numpy(), exact.grad.numpy(), atol=2e-5)
