"""Predicts the memory of stages on the device, and chooses the slab thickness of each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flarecli.engine.slabs.row_rules import Rows
from flarecli.engine.slabs.sized_graph import SizedGraph, bytes_of
from flarecli.engine.slabs.stages import Stage

_LONGEST_CHAINS = (2, 1)
"""Convolutions that a stage may chain: two save transfers to host memory, one needs fewer rows."""

_MOMENTS_WORKSPACE = 2.0
"""Float32 copies of a slab while its moments are taken: itself, and its squared distances from the mean."""


class LimitTooLow(Exception):
    """Even a single row at a time exceeds the memory limit.

    Attributes:
        needed_bytes: Memory that it needs.
    """

    def __init__(self, needed_bytes: int) -> None:
        super().__init__(f"{needed_bytes} bytes are needed")
        self.needed_bytes = needed_bytes


@dataclass(frozen=True)
class PlannedStage:
    """A stage with its thickness.

    Attributes:
        stage: The stage.
        rows: Rows of its target at a time.
        predicted_bytes: Predicted peak on the device.
    """

    stage: Stage
    rows: int
    predicted_bytes: int


def planned_stages(graph: SizedGraph, allowed_bytes: int, largest_rows: int | None = None) -> list[PlannedStage]:
    """Choose the thickest slabs that fit, stage by stage.

    Args:
        graph: The network for the size at hand.
        allowed_bytes: Memory limit of activations on the device.
        largest_rows: Most rows at a time; None for no limit.

    Raises:
        LimitTooLow: when a single row does not fit.
    """
    least_bytes = []
    for longest_chain in _LONGEST_CHAINS:
        stages = graph.stages(longest_chain)
        least_bytes.append(max(_least_bytes(graph, stage) for stage in stages))
        if least_bytes[-1] <= allowed_bytes:
            return [_with_thickness(graph, stage, allowed_bytes, largest_rows) for stage in stages]
    raise LimitTooLow(min(least_bytes))


def predicted_whole_bytes(graph: SizedGraph) -> int:
    """Predicted peak of the activations where the network runs as a whole."""
    stage = graph.as_one_stage()
    return predicted_bytes(graph, stage, Rows(0, graph.row_count(stage.target)))


def predicted_bytes(graph: SizedGraph, stage: Stage, wanted: Rows) -> int:
    """Predicted peak on the device while rows of a stage's target are computed.

    The sum of the live tensors, each loaded before its first use and freed after its last, and of the workspace of the
    current operation.
    """
    steps, needed = graph.rows_of_slab(stage, wanted)
    left = Counter(id(tensor) for step in steps for tensor in step.node.input_tensors)
    left[id(stage.target)] += 1
    alive: dict[int, int] = {}
    peak = 0
    for step in steps:
        node, treatment = step.node, graph.treatments[id(step.node)]
        entering = cut = 0
        for tensor in node.input_tensors:
            if id(tensor) not in alive:
                alive[id(tensor)] = graph.row_bytes(tensor) * needed[id(tensor)].height
            taken = graph.row_bytes(tensor) * step.taken.height
            entering += taken
            cut += taken if step.taken.height < needed[id(tensor)].height else 0
        computed = treatment.rule.computed(step.taken, step.wanted).height
        leaving = {id(tensor): graph.row_bytes(tensor) * computed for tensor in node.outputs}
        result = sum(leaving.values())
        # Results that are cropped are copied by some backends.
        cut += result if computed > step.wanted.height else 0
        inner = treatment.workspace.bytes(entering, result, _kernel_bytes(node.operation))
        peak = max(peak, sum(alive.values()) + cut + result + inner)
        alive |= leaving
        for tensor in node.input_tensors:
            left[id(tensor)] -= 1
        alive = {key: size for key, size in alive.items() if left[key] > 0}
    if id(stage.target) in graph.measured():
        peak = max(peak, int((1 + _MOMENTS_WORKSPACE) * graph.row_bytes(stage.target, "float32") * wanted.height))
    return peak


def _with_thickness(graph: SizedGraph, stage: Stage, allowed_bytes: int, largest_rows: int | None) -> PlannedStage:
    size = graph.row_count(stage.target)
    if graph.needs_whole_input(stage):
        return PlannedStage(stage, size, _slab_bytes(graph, stage, size))
    bound = size if largest_rows is None else min(size, largest_rows)
    rows = _largest(bound, lambda rows: _slab_bytes(graph, stage, rows) <= allowed_bytes)
    # Slabs of equal thickness are no more than slabs of full thickness with a thin one at the end.
    even_rows = -(-size // -(-size // rows))
    return PlannedStage(stage, even_rows, _slab_bytes(graph, stage, even_rows))


def _least_bytes(graph: SizedGraph, stage: Stage) -> int:
    """Memory of the thinnest slab of a stage."""
    return _slab_bytes(graph, stage, graph.row_count(stage.target) if graph.needs_whole_input(stage) else 1)


def _slab_bytes(graph: SizedGraph, stage: Stage, rows: int) -> int:
    """Peak memory of slabs of this thickness: that of the first, or of one of two in the middle, with margins."""
    size = graph.row_count(stage.target)
    middle = size // 2 // rows * rows
    starts = {0, middle, max(0, middle - rows)}
    return max(predicted_bytes(graph, stage, Rows(start, min(start + rows, size))) for start in starts)


def _largest(bound: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 1 to `bound` that fits, by bisection; 1 must fit, and so must all smaller than a fit."""
    if fits(bound):
        return bound
    low, high = 1, bound
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _kernel_bytes(operation: Any) -> int:
    kernel = getattr(operation, "kernel", None)
    return 0 if kernel is None else math.prod(kernel.shape) * bytes_of(operation.compute_dtype)
