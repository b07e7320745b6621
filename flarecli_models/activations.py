"""Size of a functional model's activations for a given input size; nothing is computed."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import keras

from flarecli_models.execution import needed_nodes
from flarecli_models.flops import full_shape


@dataclass(frozen=True)
class ActivationCounts:
    """Elements of the tensors that pass between a model's layers.

    Attributes:
        largest_alive: Most elements that are needed at one moment, each tensor freed after its last use. Memory inside
            layers is not counted, nor what a backend saves by fusing operations.
        all_together: Elements of all tensors: what a run holds at its end where it frees none.
    """

    largest_alive: int
    all_together: int


def count_activations(model: keras.Model, shape_zyx: tuple[int, ...], output: str | None = None) -> ActivationCounts:
    """Count the elements of a model's tensors, for a batch of one.

    Args:
        model: Functional Keras model with a single input tensor.
        shape_zyx: Spatial size of the input, in the model's order of axes, without batch and channels.
        output: Key of the output wanted where the model returns a dictionary; the others are not computed.

    Raises:
        ValueError: when `shape_zyx` does not have as many axes as the model's input, or contradicts its sizes.
    """
    input_shape = full_shape(model, shape_zyx)
    wanted = model.output if output is None else model.output[output]
    nodes = list(needed_nodes(model, wanted))
    uses_left = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    uses_left[id(wanted)] += 1
    source = model.inputs[0]
    shapes: dict[int, Any] = {id(source): keras.KerasTensor(input_shape)}
    alive = {id(source): math.prod(input_shape)}
    largest, together = alive[id(source)], alive[id(source)]
    for node in nodes:
        args, kwargs = node.arguments.fill_in(shapes)
        results = keras.tree.flatten(node.operation.compute_output_spec(*args, **kwargs))
        for symbol, result in zip(node.outputs, results, strict=True):
            shapes[id(symbol)] = result
            alive[id(symbol)] = math.prod(result.shape)
            together += alive[id(symbol)]
        largest = max(largest, sum(alive.values()))
        for tensor in node.input_tensors:
            uses_left[id(tensor)] -= 1
        alive = {key: elements for key, elements in alive.items() if uses_left[key] > 0}
    return ActivationCounts(largest, together)
