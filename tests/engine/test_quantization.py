"""Networks in int8: what is rounded, how far the result is from float32's, and that integers are what is computed."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from flarecli.engine.networks import network_of
from flarecli.engine.openvino_graph import export_graph, open_shape
from flarecli.engine.quantization import RECTIFIED_LARGEST, UPSAMPLED_LARGEST
from flarecli.engine.runtime import Runtime, start_runtime
from flarecli_models.flarelite import residual_unet
from tests.models import model_checks as checks

pytestmark = pytest.mark.skipif(checks.BACKEND != "openvino", reason="is about OpenVINO's graphs")

FILTERS = (16, 16, 16)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = residual_unet((None, None, None), FILTERS, 1, 5, surroundings=3)
    return checks.with_weights(model, checks.seeded_weights(model, seed=41))


def int8() -> Runtime:
    return start_runtime("openvino", "cpu", "int8", int8=True)


def nodes(graph: Any, kind: str) -> list[Any]:
    return [node for node in graph.get_ordered_ops() if node.get_type_name() == kind]


def test_probabilities_are_near_those_in_float32(model: keras.Model) -> None:
    image = np.random.default_rng(42).normal(size=(32, 32, 48)).astype(np.float32)
    exact = network_of(model, checks.runtime())(image)
    rounded = network_of(model, int8())(image)
    assert rounded.dtype == np.float32
    deviation = np.abs(rounded - exact)
    assert deviation.max() > 1e-4
    assert deviation.mean() < 0.02
    assert np.mean(rounded.argmax(0) == exact.argmax(0)) > 0.95


def test_convolutions_are_computed_on_integers(model: keras.Model) -> None:
    import openvino

    graph = export_graph(model, None, (1, 1, 16, 16, 16), precision="int8")
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    executed = [node.get_rt_info() for node in compiled.get_runtime_model().get_ordered_ops()]
    computed_in = [
        facts["runtimePrecision"].astype(str) for facts in executed if facts["layerType"].astype(str) == "Convolution"
    ]
    assert len(computed_in) > len(FILTERS)
    assert sum(precision in ("i8", "u8") for precision in computed_in) > len(computed_in) / 2


def test_the_image_is_not_rounded(model: keras.Model) -> None:
    graph = export_graph(model, None, open_shape(model), precision="int8")
    (image,) = graph.get_parameters()
    readers = {target.get_node().get_type_name() for target in image.output(0).get_target_inputs()}
    assert readers == {"Convolution"}
    entering = {node.input_value(0).get_node().get_type_name() for node in nodes(graph, "FakeQuantize")}
    assert entering == {"PRelu", "ConvolutionBackpropData", "Constant"}


def test_zero_stays_zero_and_large_values_are_cut_off(model: keras.Model) -> None:
    """Convolutions pad with zeros; a level beside zero would shift every border."""
    import openvino
    from openvino import opset16

    graph = export_graph(model, None, open_shape(model), precision="int8")
    largest = {"PRelu": RECTIFIED_LARGEST, "ConvolutionBackpropData": UPSAMPLED_LARGEST}
    for node in nodes(graph, "FakeQuantize"):
        kind = node.input_value(0).get_node().get_type_name()
        if kind == "Constant":
            continue
        bounds = [opset16.constant(node.input_value(port).get_node().data) for port in range(1, 5)]
        values = opset16.parameter([1, 1, 1, 1, 3])
        levels = node.get_attributes()["levels"]
        alone = openvino.Model([opset16.fake_quantize(values, *bounds, levels)], [values])
        run = openvino.Core().compile_model(alone, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        zero, high, one = run(np.array([0.0, 100.0, 1.0], np.float32).reshape(1, 1, 1, 1, 3))[0].ravel()
        assert zero == 0
        assert high == pytest.approx(largest[kind], rel=1e-5)
        assert one == pytest.approx(1, abs=largest[kind] / 250)


def test_float32_graphs_are_left_alone(model: keras.Model) -> None:
    assert not nodes(export_graph(model, None, open_shape(model), precision="float32"), "FakeQuantize")
