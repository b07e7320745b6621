"""Runs a network stage by stage and slab by slab, with the activations between stages in host memory."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from flarecli.engine.slabs.device import SlabDevice
from flarecli.engine.slabs.plan import LimitTooLow, PlannedStage, planned_stages, predicted_bytes, predicted_whole_bytes
from flarecli.engine.slabs.row_rules import AlignedRows, Rows
from flarecli.engine.slabs.running_moments import RunningMoments
from flarecli.engine.slabs.sized_graph import NodeRows, SizedGraph
from flarecli.engine.slabs.stages import Stage
from flarecli_models.layers import AlignedResize3D
from flarecli_models.layers.aligned_resize import resize_rows
from flarecli_models.torch_operations import gives_own_tensor, returns_its_input

if TYPE_CHECKING:
    from flarecli.engine.slabs.treatment import Treatment


@dataclass
class SlabReport:
    """Report of a run in slabs.

    Attributes:
        rows: Rows of the input that the thinnest slab of full resolution had.
        row_count: Rows of the input.
        slabs: Slabs of all stages together.
        predicted_bytes: Predicted peak of the activations on the device.
        retries: How often the device ran out of memory, and thinner slabs were used.
    """

    rows: int
    row_count: int
    slabs: int = 0
    predicted_bytes: int = 0
    retries: int = 0


@dataclass
class _HostTensors:
    """Tensors in host memory, by their symbol's id, each until its last use."""

    uses: Counter[int]
    tensors: dict[int, Any] = field(default_factory=dict)
    moments: dict[int, RunningMoments] = field(default_factory=dict)

    def used(self, symbols: Sequence[Any]) -> None:
        """Free tensors that no later stage reads."""
        for symbol in symbols:
            self.uses[id(symbol)] -= 1
            if not self.uses[id(symbol)]:
                del self.tensors[id(symbol)]
                self.moments.pop(id(symbol), None)


class SlabRun:
    """A functional model with one input, run in slabs.

    Args:
        model: Functional Keras model with a single input tensor.
        output: Key of the output wanted where the model returns a dictionary.
        device: Where it computes.
    """

    def __init__(self, model: keras.Model, output: str | None, device: SlabDevice) -> None:
        self._model = model
        self._output = output
        self._device = device
        self._graph: SizedGraph | None = None
        self._predicted_whole: dict[tuple[int, ...], int] = {}

    def predicted_whole_bytes(self, batch_shape: tuple[int, ...]) -> int:
        """Predicted peak of the activations for a batch, channels first, where the network runs as a whole."""
        if batch_shape not in self._predicted_whole:
            self._predicted_whole[batch_shape] = predicted_whole_bytes(self._sized(batch_shape))
        return self._predicted_whole[batch_shape]

    def __call__(
        self, batch: np.ndarray, allowed_bytes: int, largest_rows: int | None = None
    ) -> tuple[np.ndarray, SlabReport]:
        """Compute the scores of a batch.

        Args:
            batch: Float32, channels first.
            allowed_bytes: Memory limit of activations on the device.
            largest_rows: Most rows at a time; None for no limit.

        Returns:
            Float32 scores, channels first, and a report.

        Raises:
            LimitTooLow: when a single row does not fit, as predicted or as observed.
        """
        graph = self._sized(batch.shape)
        planned = planned_stages(graph, allowed_bytes, largest_rows)
        uses = Counter(id(symbol) for plan in planned for symbol in plan.stage.sources)
        uses[id(graph.wanted)] += 1
        host = self._device.host_of(batch)
        kept = _HostTensors(uses, {id(graph.source): host})
        del host
        row_count = graph.row_count(graph.source)
        report = SlabReport(rows=row_count, row_count=row_count)
        with self._device.inference():
            if id(graph.source) in graph.measured():
                self._measure_source(graph, kept, planned)
            for plan in planned:
                self._run_stage(graph, plan, kept, report)
        return self._device.scores_of(kept.tensors[id(graph.wanted)]), report

    def _sized(self, batch_shape: tuple[int, ...]) -> SizedGraph:
        channels_last = self._device.axis == 1
        shape = (batch_shape[0], *batch_shape[2:], batch_shape[1]) if channels_last else batch_shape
        if self._graph is None or tuple(self._graph.specs[id(self._graph.source)].shape) != shape:
            self._graph = SizedGraph.of(self._model, self._output, shape, self._device.axis)
        return self._graph

    def _measure_source(self, graph: SizedGraph, kept: _HostTensors, planned: Sequence[PlannedStage]) -> None:
        rows = min(plan.rows for plan in planned)
        moments = kept.moments[id(graph.source)] = RunningMoments()
        for start in range(0, graph.row_count(graph.source), rows):
            part = Rows(start, min(start + rows, graph.row_count(graph.source)))
            value = self._device.load(kept.tensors[id(graph.source)], part)
            moments.add(self._device.moments(value), part.height)

    def _run_stage(self, graph: SizedGraph, plan: PlannedStage, kept: _HostTensors, report: SlabReport) -> None:
        """Compute one stage; where the device runs out of memory, continue with half the rows."""
        target = plan.stage.target
        row_count, rows, start = graph.row_count(target), plan.rows, 0
        if id(target) in graph.measured():
            kept.moments[id(target)] = RunningMoments()
        report.predicted_bytes = max(report.predicted_bytes, plan.predicted_bytes)
        while start < row_count:
            part = Rows(start, min(start + rows, row_count))
            if self._run_slab(graph, plan.stage, part, kept):
                start = part.stop
                report.slabs += 1
                if row_count == report.row_count:
                    report.rows = min(report.rows, rows)
                continue
            self._device.release()
            report.retries += 1
            if rows == 1 or graph.needs_whole_input(plan.stage):
                raise LimitTooLow(predicted_bytes(graph, plan.stage, part))
            rows = -(-min(rows, part.height) // 2)
        kept.used(plan.stage.sources)

    def _run_slab(self, graph: SizedGraph, stage: Stage, wanted: Rows, kept: _HostTensors) -> bool:
        """Compute and store some rows of a stage's target; False where the device's memory does not suffice."""
        try:
            value = self._rows_of_target(graph, stage, wanted, kept)
            moments = kept.moments.get(id(stage.target))
            slab_moments = None if moments is None else self._device.moments(value)
            if id(stage.target) not in kept.tensors:
                kept.tensors[id(stage.target)] = self._device.new_host(value, graph.row_count(stage.target))
            self._device.store(value, kept.tensors[id(stage.target)], wanted.start)
        except Exception as error:
            if not self._device.is_out_of_memory(error):
                raise
            return False
        if moments is not None and slab_moments is not None:
            moments.add(slab_moments, wanted.height)
        return True

    def _rows_of_target(self, graph: SizedGraph, stage: Stage, wanted: Rows, kept: _HostTensors) -> Any:
        steps, held = graph.rows_of_slab(stage, wanted)
        left = Counter(id(tensor) for step in steps for tensor in step.node.input_tensors)
        spare = _spare_tensors(stage, left)
        left[id(stage.target)] += 1
        alive: dict[int, Any] = {}
        for step in steps:
            node, treatment = step.node, graph.treatments[id(step.node)]
            taken = {}
            for tensor in node.input_tensors:
                key = id(tensor)
                if key not in alive:
                    alive[key] = self._device.load(kept.tensors[key], held[key])
                taken[key] = self._cropped(alive[key], held[key], step.taken)
                left[key] -= 1
                if not left[key]:
                    del alive[key]
            args, kwargs = node.arguments.fill_in(taken)
            del taken
            may_overwrite = all(id(tensor) in spare for tensor in node.input_tensors)
            results = self._function(step, treatment, kept, may_overwrite)(*args, **kwargs)
            del args, kwargs
            if len(node.input_tensors) > 1:
                # Lists of tensors go through recursive closures of PyTorch, which hold them until they are collected.
                gc.collect(1)
            computed = treatment.rule.computed(step.taken, step.wanted)
            for symbol, value in zip(node.outputs, keras.tree.flatten(results), strict=True):
                if left[id(symbol)]:
                    alive[id(symbol)] = self._cropped(value, computed, held[id(symbol)])
            del results, value
        return alive[id(stage.target)]

    def _cropped(self, value: Any, rows: Rows, wanted: Rows) -> Any:
        if rows == wanted:
            return value
        return self._device.rows(value, wanted.start - rows.start, wanted.stop - rows.start)

    def _function(self, step: NodeRows, treatment: Treatment, kept: _HostTensors, may_overwrite: bool) -> Any:
        layer = step.node.operation
        if treatment.needs_moments:
            moments = kept.moments[id(step.node.input_tensors[0])]
            mean, factor, offset = moments.normalisation(layer)
            # Keras gives some normalising layers a mask, too.
            return lambda value, **_: self._device.normalised(value, mean, factor, offset)
        if isinstance(treatment.rule, AlignedRows) and isinstance(layer, AlignedResize3D):
            return partial(resize_rows, layer, rows_in=step.taken, size_in=treatment.rule.size_in, rows_out=step.wanted)
        return self._device.operation(layer, may_overwrite=may_overwrite)


def _spare_tensors(stage: Stage, uses: Counter[int]) -> set[int]:
    """Ids of tensors that a slab uses once, and that share their memory with no other."""
    spare = {id(tensor) for tensor in stage.sources if uses[id(tensor)] == 1}
    for node in stage.nodes:
        is_own = gives_own_tensor(node.operation) or (
            returns_its_input(node.operation) and id(node.input_tensors[0]) in spare
        )
        spare |= {id(tensor) for tensor in node.outputs if is_own and uses[id(tensor)] == 1}
    return spare
