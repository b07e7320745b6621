"""A network's graph for one input size: shapes, treatments, and the rows of each tensor within a slab."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from flarecli.engine.slabs.row_rules import Rows
from flarecli.engine.slabs.stages import Stage, cut_into_stages
from flarecli.engine.slabs.treatment import Treatment, treatment_of
from flarecli_models.execution import needed_nodes


@dataclass(frozen=True)
class NodeRows:
    """One node within one slab.

    Attributes:
        node: The node.
        taken: Rows of each of its inputs.
        wanted: Rows of its result that are used.
    """

    node: Any
    taken: Rows
    wanted: Rows


@dataclass(frozen=True)
class SizedGraph:
    """The nodes that lead to one output, for one input shape.

    Attributes:
        source: Symbol of the input.
        wanted: Symbol of the output.
        nodes: The nodes that lead there, in an order in which they can be computed.
        axis: Axis of the rows.
        specs: Shape and dtype of each tensor, by the symbol's id.
        treatments: Treatment of each node, by the node's id.
    """

    source: Any
    wanted: Any
    nodes: tuple[Any, ...]
    axis: int
    specs: Mapping[int, Any]
    treatments: Mapping[int, Treatment]

    @classmethod
    def of(cls, model: keras.Model, output: str | None, input_shape: tuple[int, ...], axis: int) -> SizedGraph:
        """Find shapes and treatments; nothing is computed."""
        source = model.inputs[0]
        wanted = model.output if output is None else model.output[output]
        nodes = tuple(needed_nodes(model, wanted))
        specs: dict[int, Any] = {id(source): keras.KerasTensor(input_shape, dtype=source.dtype)}
        treatments = {}
        for node in nodes:
            args, kwargs = node.arguments.fill_in(specs)
            results = keras.tree.flatten(node.operation.compute_output_spec(*args, **kwargs))
            for symbol, result in zip(node.outputs, results, strict=True):
                specs[id(symbol)] = result
            shapes_in = [tuple(specs[id(tensor)].shape) for tensor in node.input_tensors]
            treatments[id(node)] = treatment_of(node.operation, axis, shapes_in, results[0].shape[axis])
        return cls(source, wanted, nodes, axis, specs, treatments)

    def stages(self, longest_chain: int) -> list[Stage]:
        """Cut the graph; see `flarecli.engine.slabs.stages`."""
        return cut_into_stages(self.nodes, self.source, self.wanted, self.treatments, longest_chain)

    def as_one_stage(self) -> Stage:
        """The whole graph as one stage."""
        return Stage(self.wanted, (self.source,), self.nodes)

    def measured(self) -> set[int]:
        """Ids of the tensors whose moments are needed."""
        return {id(node.input_tensors[0]) for node in self.nodes if self.treatments[id(node)].needs_moments}

    def needs_whole_input(self, stage: Stage) -> bool:
        """Whether an operation of a stage needs its whole input at once."""
        return any(self.treatments[id(node)].is_whole for node in stage.nodes)

    def row_count(self, symbol: Any) -> int:
        """Rows of a tensor."""
        return int(self.specs[id(symbol)].shape[self.axis])

    def row_bytes(self, symbol: Any, dtype: str | None = None) -> int:
        """Bytes of one row of a tensor, in its own type or another one."""
        spec = self.specs[id(symbol)]
        return math.prod(spec.shape) // self.row_count(symbol) * bytes_of(dtype or spec.dtype)

    def rows_of_slab(self, stage: Stage, wanted: Rows) -> tuple[list[NodeRows], dict[int, Rows]]:
        """The rows of each tensor of a stage that a slab needs.

        Args:
            stage: The stage.
            wanted: Rows of its target.

        Returns:
            The nodes in their order, and the rows of each tensor, by the symbol's id, that any of them needs.
        """
        needed = {id(stage.target): wanted}
        visited = []
        for node in reversed(stage.nodes):
            rule = self.treatments[id(node)].rule
            rows = _union([needed[id(tensor)] for tensor in node.outputs if id(tensor) in needed])
            taken = rule.needed(rows, self.row_count(node.input_tensors[0]))
            visited.append(NodeRows(node, taken, rows))
            for tensor in node.input_tensors:
                before = needed.get(id(tensor))
                needed[id(tensor)] = taken if before is None else taken.union(before)
        return visited[::-1], needed


def bytes_of(dtype: str) -> int:
    """Bytes of one number."""
    return {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}.get(dtype, 4)


def _union(ranges: Sequence[Rows]) -> Rows:
    union = ranges[0]
    for rows in ranges[1:]:
        union = union.union(rows)
    return union
