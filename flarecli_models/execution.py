"""Memory-efficient executor of functional models: each tensor is freed after its last use.

A Keras functional model keeps every intermediate tensor alive until the call returns. Where the backend runs
eagerly that multiplies the peak memory of a U-Net several times. On PyTorch, some layers run as native operations
(`flarecli_models.torch_operations`), which saves passes over the tensors.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras

from flarecli_models.torch_operations import (
    gains_from_innermost_channels,
    gives_own_tensor,
    is_plain_relu,
    returns_its_input,
    torch_operation,
    torch_padded_operation,
    torch_sum,
)


class MemoryEfficientExecutor:
    """Executes a functional model with one input, keeping as few tensors in memory as possible.

    Args:
        model: Functional Keras model with a single input tensor.
        output: Key of the output wanted where the model returns a dictionary; the others are not computed.

    Raises:
        ValueError: when the model returns several outputs and `output` names none of them.
    """

    def __init__(self, model: keras.Model, output: str | None = None) -> None:
        if isinstance(model.output, dict) != (output is not None) or (output and output not in model.output):
            keys = ", ".join(model.output) if isinstance(model.output, dict) else "None"
            raise ValueError(f"output (={output!r}) of {model.name} must be one of: {keys}")
        wanted = model.output if output is None else model.output[output]
        self._input = model.inputs[0]
        self._output = wanted
        self._nodes = list(needed_nodes(model, wanted))
        self._uses = Counter(id(tensor) for node in self._nodes for tensor in node.input_tensors)
        self._uses[id(wanted)] += 1
        self._operations = self._faster_operations()

    def __call__(self, image: Any) -> Any:
        """Compute the output for a batch of images, in inference mode of the layers."""
        left = self._uses.copy()
        alive = {id(self._input): image}
        del image
        for node in self._nodes:
            args, kwargs = node.arguments.fill_in(alive)
            for tensor in node.input_tensors:
                left[id(tensor)] -= 1
                if not left[id(tensor)]:
                    alive.pop(id(tensor), None)
            results = self._operations.get(id(node), node.operation)(*args, **kwargs)
            del args, kwargs
            if len(node.input_tensors) > 1:
                # Lists of tensors go through recursive closures of PyTorch, which hold them until they are collected.
                gc.collect(1)
            for symbol, value in zip(node.outputs, keras.tree.flatten(results), strict=True):
                if left[id(symbol)]:
                    alive[id(symbol)] = value
            del results
        return self._in_order(alive[id(self._output)])

    def _in_order(self, scores: Any) -> Any:
        return scores.contiguous() if keras.backend.backend() == "torch" else scores

    def _faster_operations(self) -> dict[int, Any]:
        """What runs in place of a node's layer, by the node's id."""
        if keras.backend.backend() != "torch":
            return {}
        innermost = gains_from_innermost_channels(node.operation for node in self._nodes)
        makers = {id(tensor): node for node in self._nodes for tensor in node.outputs}
        found: dict[int, Any] = {}
        for node in self._nodes:
            is_spare = [self._is_spare(tensor, makers) for tensor in node.input_tensors]
            operation = torch_operation(node.operation, may_overwrite=all(is_spare), channels_innermost=innermost)
            operation = operation or torch_sum(node.operation, is_spare)
            before = makers.get(id(node.input_tensors[0]))
            if before is not None and self._uses[id(before.outputs[0])] == 1:
                joined = torch_padded_operation(
                    before.operation, node.operation, follows_relu=_follows_relu(before, makers)
                )
                if joined is not None:
                    found[id(before)] = _unchanged
                    operation = joined
            if operation is not None:
                found[id(node)] = operation
        return found

    def _is_spare(self, tensor: Any, makers: dict[int, Any]) -> bool:
        """Whether a tensor is used once, and no other tensor shares its memory."""
        while id(tensor) in makers and self._uses[id(tensor)] == 1:
            maker = makers[id(tensor)]
            if not returns_its_input(maker.operation):
                return gives_own_tensor(maker.operation)
            tensor = maker.input_tensors[0]
        return False


def _follows_relu(node: Any, makers: dict[int, Any]) -> bool:
    maker = makers.get(id(node.input_tensors[0]))
    return maker is not None and is_plain_relu(maker.operation)


def _unchanged(x: Any) -> Any:
    return x


def needed_nodes(model: keras.Model, wanted: Any) -> Iterator[Any]:
    """The nodes that lead to `wanted`, in an order in which they can be computed."""
    ordered = [
        node
        for depth in sorted(model._nodes_by_depth, reverse=True)
        for node in model._nodes_by_depth[depth]
        if not node.is_input
    ]
    needed = {id(wanted)}
    kept = []
    for node in reversed(ordered):
        if any(id(tensor) in needed for tensor in node.outputs):
            needed.update(id(tensor) for tensor in node.input_tensors)
            kept.append(node)
    return reversed(kept)
