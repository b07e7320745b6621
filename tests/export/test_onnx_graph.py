"""OpenVINO graphs in ONNX compute the same, at every size, and what has no counterpart is refused."""

from __future__ import annotations

import keras
import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from openvino import opset16

from flarecli.engine import start_runtime
from flarecli.engine.openvino_graph import export_graph, open_shape
from flarecli.errors import InstallationError
from flarecli.export.onnx_graph import onnx_model
from flarecli.systems import system_named
from flarecli_models.efficientscn import localization_unet, spatial_configuration_net
from flarecli_models.efficientsegnet import coarse_unet, efficientsegnet
from flarecli_models.flarelite import locate_unet
from flarecli_models.vgg13_unet import vgg13_unet

pytestmark = pytest.mark.skipif(keras.backend.backend() != "openvino", reason="exports come from OpenVINO's graphs")

_MODELS = {
    "flarelite": (lambda: locate_unet(filters=(4, 6, 8)), None, (1, 1, 16, 8, 12)),
    "localization": (lambda: localization_unet(filters=4), None, (1, 1, 32, 16, 48)),
    "spatial": (
        lambda: spatial_configuration_net(local_filters=8, spatial_filters=8, spatial_levels=2),
        "final",
        (1, 1, 32, 16, 48),
    ),
    "coarse": (lambda: coarse_unet((32, 16, 48), filters=(4, 4, 6, 6, 8)), None, (1, 1, 32, 16, 48)),
    "fine": (lambda: efficientsegnet((64, 128, 64), filters=(4, 4, 6, 6, 16)), None, (1, 1, 64, 128, 64)),
    "slices": (lambda: vgg13_unet((32, 48), base_filters=4), None, (3, 3, 32, 48)),
}


@pytest.fixture(autouse=True)
def float32() -> None:
    start_runtime("openvino", precision="float32")


def _computed(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (scores,) = session.run(["scores"], {"image": image})
    return scores


def _of_openvino(graph: openvino.Model, image: np.ndarray) -> np.ndarray:
    graph.reshape(image.shape)
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled(image)[0])


@pytest.mark.parametrize("name", _MODELS)
def test_networks_compute_the_same(name: str) -> None:
    build, output, shape = _MODELS[name]
    keras.utils.set_random_seed(1)
    model = build()
    graph = export_graph(model, output, open_shape(model), precision="float32")
    image = np.random.default_rng(0).standard_normal(shape, np.float32)

    translated = onnx_model(graph, name)

    expected = _of_openvino(graph, image)
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(_computed(translated, image), expected, atol=2e-5 * np.abs(expected).max())
    assert {node.op_type for node in translated.graph.node}.isdisjoint({"ConvTranspose", "GridSample", "If", "Loop"})


def test_sizes_stay_open_where_they_are() -> None:
    model = locate_unet(filters=(4, 6))
    translated = onnx_model(export_graph(model, None, open_shape(model), precision="float32"), "open")

    sizes = [size.dim_param or size.dim_value for size in translated.graph.input[0].type.tensor_type.shape.dim]
    assert sizes == [1, 1, "z", "y", "x"]
    for shape in ((1, 1, 8, 8, 8), (1, 1, 10, 4, 6)):
        assert _computed(translated, np.zeros(shape, np.float32)).shape == (1, 5, *shape[2:])


def test_the_networks_of_every_system_have_counterparts() -> None:
    for name in ("flarelite", "efficientscn"):
        for spec in system_named(name).networks:
            model = spec.build()
            onnx_model(export_graph(model, spec.output, open_shape(model), precision="float32"), spec.key)


@pytest.mark.parametrize("block", [(2, 2, 2), (1, 2, 3)])
def test_transposed_convolutions_are_rearrangements(block: tuple[int, int, int]) -> None:
    """With a channel count, block and sizes that are all different, so that no axes can be exchanged unseen."""
    random = np.random.default_rng(2)
    kernel = random.standard_normal((5, 7, *block), np.float32)
    image = opset16.parameter([1, 5, -1, -1, -1], np.float32)
    none = [0, 0, 0]
    result = opset16.convolution_backprop_data(image, opset16.constant(kernel), block, pads_begin=none, pads_end=none)
    graph = openvino.Model([opset16.result(result)], [image])
    values = random.standard_normal((1, 5, 2, 3, 4), np.float32)

    np.testing.assert_allclose(_computed(onnx_model(graph, "up"), values), _of_openvino(graph, values), atol=1e-5)


@pytest.mark.parametrize("wrong", ["unknown", "overlapping", "strides"])
def test_what_has_no_counterpart_is_refused(wrong: str) -> None:
    image = opset16.parameter([1, 2, 8, 8, 8], np.float32)
    once, twice, none = [1, 1, 1], [2, 2, 2], [0, 0, 0]
    kernel = opset16.constant(np.ones((2, 2, 3, 3, 3), np.float32))
    node = {
        "unknown": lambda: opset16.gelu(image, "erf"),
        "overlapping": lambda: opset16.convolution_backprop_data(image, kernel, twice, pads_begin=none, pads_end=none),
        "strides": lambda: opset16.convolution(image, kernel, twice, none, none, once, "same_upper"),
    }[wrong]()
    graph = openvino.Model([opset16.result(node)], [image])

    with pytest.raises(InstallationError, match=r"cannot be exported to ONNX") as raised:
        onnx_model(graph, "network")
    assert "--format openvino" in str(raised.value.remedy)
