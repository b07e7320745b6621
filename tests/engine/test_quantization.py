"""Networks in int8: what is rounded, how far the result is from float32's, and that integers are what is computed."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from flarecli.engine.networks import network_of
from flarecli.engine.openvino_graph import export_graph, open_shape
from flarecli.engine.precision_choice import INT8_BY_DEFAULT
from flarecli.engine.quantization import LARGEST, quantize
from flarecli.engine.runtime import Runtime, start_runtime
from flarecli_models.efficientsegnet import coarse_unet, efficientsegnet
from flarecli_models.flarelite import residual_unet
from tests.models import model_checks as checks

pytestmark = pytest.mark.skipif(checks.BACKEND != "openvino", reason="is about OpenVINO's graphs")

FILTERS = (16, 16, 16)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = residual_unet((None, None, None), FILTERS, 1, 5, surroundings=3)
    return checks.with_weights(model, checks.seeded_weights(model, seed=41))


def int8() -> Runtime:
    return start_runtime("openvino", "cpu", "int8", int8=INT8_BY_DEFAULT)


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

    def computed_in(kind: str) -> list[str]:
        return [node["runtimePrecision"].astype(str) for node in executed if node["layerType"].astype(str) == kind]

    assert len(computed_in("Convolution")) == len(nodes(graph, "Convolution"))
    # The two convolutions that read the image are not.
    assert (
        sum(precision in ("i8", "u8") for precision in computed_in("Convolution"))
        == len(nodes(graph, "Convolution")) - 2
    )
    levels = len(FILTERS) - 1
    assert computed_in("DepthToSpace") == ["u8"] * levels
    # One more puts the probabilities together.
    assert sorted(computed_in("Concatenation")) == ["f32"] + ["u8"] * levels
    assert not computed_in("Deconvolution")


def test_the_image_is_not_rounded(model: keras.Model) -> None:
    graph = export_graph(model, None, open_shape(model), precision="int8")
    (image,) = graph.get_parameters()
    readers = {target.get_node().get_type_name() for target in image.output(0).get_target_inputs()}
    assert readers == {"Convolution"}
    entering = {node.input_value(0).get_node().get_type_name() for node in nodes(graph, "FakeQuantize")}
    assert entering == {"PRelu", "Convolution", "Constant"}


def test_zero_stays_zero_and_large_values_are_cut_off(model: keras.Model) -> None:
    """Convolutions pad with zeros; a level beside zero would shift every border."""
    import openvino
    from openvino import opset16

    graph = export_graph(model, None, open_shape(model), precision="int8")
    lowest = set()
    for node in nodes(graph, "FakeQuantize"):
        if node.input_value(0).get_node().get_type_name() == "Constant":
            continue
        bounds = [opset16.constant(node.input_value(port).get_node().data) for port in range(1, 5)]
        values = opset16.parameter([1, 1, 1, 1, 4])
        levels = node.get_attributes()["levels"]
        alone = openvino.Model([opset16.fake_quantize(values, *bounds, levels)], [values])
        run = openvino.Core().compile_model(alone, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        zero, high, low, one = run(np.array([0.0, 100.0, -100.0, 1.0], np.float32).reshape(1, 1, 1, 1, 4))[0].ravel()
        assert zero == pytest.approx(0, abs=1e-6)
        assert high == pytest.approx(LARGEST, rel=1e-5)
        assert one == pytest.approx(1, abs=LARGEST / 170)
        lowest.add(round(float(low), 2))
    assert lowest == {-0.06, -4.0}


def test_float32_graphs_are_left_alone(model: keras.Model) -> None:
    assert not nodes(export_graph(model, None, open_shape(model), precision="float32"), "FakeQuantize")


def transposed(*, strides: int, size: int = 2, margin: int = 0) -> Any:
    """Rectified values, a transposed convolution of them, and a convolution of that."""
    import openvino
    from openvino import opset16

    generator = np.random.default_rng(43)
    image = opset16.parameter([1, 8, 4, 5, 6], dtype=np.float32)
    rectified = opset16.prelu(image, opset16.constant(np.array([0.01], np.float32)))
    up, kernel = (
        opset16.constant(generator.normal(size=shape, scale=0.3).astype(np.float32))
        for shape in ((8, 8, size, size, size), (8, 8, 3, 3, 3))
    )
    margins = [margin] * 3
    upsampled = opset16.convolution_backprop_data(
        rectified, up, [strides] * 3, pads_begin=margins, pads_end=margins, dilations=[1] * 3
    )
    result = opset16.convolution(upsampled, kernel, [1] * 3, [1] * 3, [1] * 3, [1] * 3)
    return openvino.Model([opset16.result(result)], [image])


def test_a_transposed_convolution_becomes_one_of_integers() -> None:
    import openvino

    exact, rounded = transposed(strides=2), transposed(strides=2)
    quantize(rounded)
    assert not nodes(rounded, "ConvolutionBackpropData")
    image = np.random.default_rng(44).normal(size=(1, 8, 4, 5, 6)).astype(np.float32)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    expected, actual = (openvino.Core().compile_model(graph, "CPU", settings)(image)[0] for graph in (exact, rounded))
    deviation = np.abs(actual - expected) / expected.std()
    assert deviation.max() < 0.2
    assert deviation.mean() < 0.03


@pytest.mark.parametrize("shape", [{"strides": 1}, {"strides": 2, "size": 3}, {"strides": 2, "margin": 1}])
def test_overlapping_or_cut_windows_stay_as_they_are(shape: dict[str, int]) -> None:
    graph = transposed(**shape)
    quantize(graph)
    assert nodes(graph, "ConvolutionBackpropData")
    assert not nodes(graph, "FakeQuantize")


class TestEfficientSegNet:
    """Rectified values, of sums and pooled ones too: no bound below zero, and a wider one for sums."""

    @staticmethod
    def bounds(graph: Any) -> set[tuple[float, float]]:
        found = set()
        for node in nodes(graph, "FakeQuantize"):
            if node.input_value(0).get_node().get_type_name() != "Constant":
                low, high = (float(node.input_value(port).get_node().data.item()) for port in (1, 2))
                found.add((low, round(high / LARGEST, 3)))
        return found

    @pytest.mark.parametrize(
        ("build", "plain", "spreads"),
        [
            # The image twice; sums of two and of three normalised tensors.
            (lambda: coarse_unet((32, 32, 32), (8, 8, 8)), 2, {1.0, 1.414, 1.732}),
            # The context block's five pools of cells, and the reduction of what has no activation; sums of skips.
            (lambda: efficientsegnet((32, 32, 64), (16, 16, 16, 16)), 2 + 5 + 1, {1.0, 1.414, 1.732, 2.0}),
        ],
    )
    def test_all_convolutions_of_rectified_values_are_computed_on_integers(
        self, build: Any, plain: int, spreads: set[float]
    ) -> None:
        import openvino

        model = build()
        checks.with_weights(model, checks.seeded_weights(model, seed=45))
        graph = export_graph(model, None, open_shape(model), precision="int8")
        assert self.bounds(graph) == {(0.0, spread) for spread in spreads}
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        executed = openvino.Core().compile_model(graph, "CPU", settings).get_runtime_model().get_ordered_ops()
        kinds = [node.get_rt_info() for node in executed]
        precisions = [
            node["runtimePrecision"].astype(str) for node in kinds if node["layerType"].astype(str) == "Convolution"
        ]
        assert precisions.count("f32") == plain
        assert precisions.count("u8") == len(nodes(graph, "Convolution")) - plain

    def test_logits_are_near_those_in_float32(self) -> None:
        model = coarse_unet((32, 32, 32), (8, 8, 8))
        checks.with_weights(model, checks.seeded_weights(model, seed=46))
        image = np.random.default_rng(47).normal(size=(32, 32, 32)).astype(np.float32)
        exact, rounded = network_of(model, checks.runtime())(image), network_of(model, int8())(image)
        assert 1e-4 < np.abs(rounded - exact).mean() < 0.1 * exact.std()
        assert np.corrcoef(rounded.ravel(), exact.ravel())[0, 1] > 0.98
