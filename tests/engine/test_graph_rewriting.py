"""Graphs made smaller: the same numbers from fewer operations."""

from __future__ import annotations

import numpy as np
import openvino
from openvino import opset16

from flarecli.engine.graph_rewriting import fold_constants, split_concatenations

GENERATOR = np.random.default_rng(51)
SHAPE = (1, 8, 5, 4, 6)


def convolved(tensor: object, channels: int, size: int = 3) -> object:
    """A convolution whose kernel lies with its output channels last, as in Keras."""
    stored = GENERATOR.normal(size=(size, size, size, channels, 4)).astype(np.float32)
    kernel = opset16.transpose(opset16.constant(stored), opset16.constant(np.array([4, 3, 0, 1, 2])))
    margins = [size // 2] * 3
    return opset16.convolution(tensor, kernel, [1] * 3, margins, margins, [1] * 3)


def joined_graph(parts: int, *, read_otherwise: bool = False) -> openvino.Model:
    image = opset16.parameter(list(SHAPE), dtype=np.float32)
    tensors = [opset16.multiply(image, opset16.constant(np.float32(factor + 1))) for factor in range(parts)]
    joined = opset16.concat(tensors, axis=1)
    results = [convolved(joined, 8 * parts), convolved(joined, 8 * parts, size=1)]
    if read_otherwise:
        results.append(opset16.relu(joined))
    return openvino.Model([opset16.result(result) for result in results], [image])


def kinds(graph: openvino.Model) -> set[str]:
    return {node.get_type_name() for node in graph.get_ops()}


def computed(graph: openvino.Model) -> list[np.ndarray]:
    image = np.random.default_rng(52).normal(size=SHAPE).astype(np.float32)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    return list(openvino.Core().compile_model(graph, "CPU", settings)([image]).values())


def rewrite(graph: openvino.Model) -> None:
    fold_constants(graph)
    split_concatenations(graph)


def test_convolutions_of_joined_channels_are_summed() -> None:
    graph = joined_graph(parts=3)
    expected = [np.array(value) for value in computed(graph)]
    rewrite(graph)
    assert not kinds(graph) & {"Concat", "Transpose"}
    for actual, wanted in zip(computed(graph), expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=2e-4)


def test_what_something_else_reads_stays_joined() -> None:
    graph = joined_graph(parts=2, read_otherwise=True)
    rewrite(graph)
    assert "Concat" in kinds(graph)
    assert "Transpose" not in kinds(graph)


def test_few_channels_stay_joined() -> None:
    image = opset16.parameter([1, 2, 4, 4, 4], dtype=np.float32)
    joined = opset16.concat([image, image], axis=1)
    graph = openvino.Model([opset16.result(convolved(joined, 4))], [image])
    rewrite(graph)
    assert "Concat" in kinds(graph)
