"""Export of a Keras model as an OpenVINO graph, for any input size where the model allows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flarecli.engine.graph_rewriting import fold_constants, split_concatenations
from flarecli.engine.quantization import quantize

if TYPE_CHECKING:
    import keras
    import openvino

ANY_SIZE = -1
"""Stands for a size that is not known."""


def open_shape(model: keras.Model) -> tuple[int, ...]:
    """Shape of the model's input, `ANY_SIZE` where the model leaves it open; volumes come one at a time."""
    batch, *sample = model.inputs[0].shape
    takes_volumes = len(sample) == 4
    return (1 if takes_volumes else batch or ANY_SIZE, *(ANY_SIZE if size is None else size for size in sample))


def export_graph(model: keras.Model, output: str | None, shape: Sequence[int], precision: str) -> openvino.Model:
    """Export a model as an OpenVINO graph with its weights.

    Args:
        model: Keras model, on Keras' OpenVINO backend.
        output: Key of the output wanted where the model returns a dictionary.
        shape: Shape of the input; `ANY_SIZE` for dynamic sizes.
        precision: What the graph will be compiled for, a `Runtime.precision`; some layers have a form for each.

    Raises:
        Exception: any error of a layer that needs a size which is dynamic.
    """
    import openvino
    from keras.src.backend.openvino.core import OpenVINOKerasTensor
    from openvino import opset16

    from flarecli_models.layers import InstanceNormalization

    for layer in model.layers:
        if isinstance(layer, InstanceNormalization):
            layer.compiled_precision = precision
    parameter = opset16.parameter(list(shape), dtype=openvino.Type.f32)
    outputs = model(OpenVINOKerasTensor(parameter.output(0)), training=False)
    wanted: Any = outputs if output is None else outputs[output]
    graph = openvino.Model([opset16.result(wanted.output)], [parameter])
    fold_constants(graph)
    if precision == "int8":
        quantize(graph)
    else:
        split_concatenations(graph)
    return graph
