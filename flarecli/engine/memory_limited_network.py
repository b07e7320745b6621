"""Runs a network within the available memory: whole where it fits, else fewer slices at a time, else in slabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flarecli.engine.batched_network import BatchedNetwork
from flarecli.engine.memory_use import FEWER_SLICES, IN_SLABS, WHOLE, MemoryUse
from flarecli.engine.runtime import Runtime
from flarecli.errors import InstallationError, UsageError

if TYPE_CHECKING:
    import keras

    from flarecli.engine.slabs import LimitTooLow, SlabRun
    from flarecli.engine.slabs.device import SlabDevice

PLANNED_SHARE = 0.9
"""Fraction of the allocator's limit that is planned for: its blocks are rounded up and fragmented. Assumed; where it is
too much, the framework reports an error, and thinner slabs are used."""


class MemoryLimitedNetwork(BatchedNetwork):
    """Runs a network as a whole unless its memory is limited or runs out.

    A network of slices takes fewer of them at a time before it is computed in slabs.

    Args:
        model: Functional Keras model with one input.
        output: Key of the output wanted where the model returns a dictionary.
        runtime: Backend and limit.
        whole: The same network, run as a whole.
    """

    def __init__(self, model: keras.Model, output: str | None, runtime: Runtime, whole: BatchedNetwork) -> None:
        super().__init__(whole.takes_volumes)
        self._model = model
        self._output = output
        self._runtime = runtime
        self._whole = whole
        self._slabs: SlabRun | None = None
        self._device = slab_device(runtime)
        self._too_much_bytes: int | None = None
        self._use = MemoryUse()

    def take_memory_use(self) -> MemoryUse:
        """Memory use since the last call of this method."""
        use, self._use = self._use, MemoryUse()
        return use

    def _scores(self, batch: np.ndarray) -> np.ndarray:
        scores = []
        start, count = 0, len(batch)
        while start < len(batch):
            part = batch[start : start + count]
            computed = self._computed_whole(part)
            if computed is None and len(part) > 1:
                count = len(part) // 2
                if self._use.computed == WHOLE:
                    self._use.computed = FEWER_SLICES
                continue
            scores.append(self._computed_in_slabs(part) if computed is None else computed)
            start += len(part)
        return scores[0] if len(scores) == 1 else np.concatenate(scores)

    def _computed_whole(self, batch: np.ndarray) -> np.ndarray | None:
        """Scores of a batch; None where it does not fit."""
        allowed = self._allowed_bytes()
        if allowed is not None:
            predicted = self._slab_run().predicted_whole_bytes(batch.shape)
            if predicted > allowed:
                return None
            self._use.add_prediction(predicted)
        try:
            return self._whole._scores(batch)
        except Exception as error:
            if not self._device.is_out_of_memory(error):
                raise
        # The failed run's tensors are freed here: the error held them.
        self._device.release()
        self._use.out_of_memory += 1
        self._too_much_bytes = self._slab_run().predicted_whole_bytes(batch.shape)
        return None

    def _computed_in_slabs(self, batch: np.ndarray) -> np.ndarray:
        from flarecli.engine.slabs import LimitTooLow

        allowed = self._allowed_bytes()
        try:
            scores, report = self._slab_run()(batch, 0 if allowed is None else allowed)
        except LimitTooLow as error:
            raise self._too_little(error) from error
        use = self._use
        use.computed = IN_SLABS
        use.slab_rows = min(report.rows, use.slab_rows or report.rows)
        use.input_rows = report.row_count
        use.slabs += report.slabs
        use.out_of_memory += report.retries
        use.add_prediction(report.predicted_bytes)
        return scores

    def _allowed_bytes(self) -> int | None:
        """Memory limit of activations; None without a limit."""
        allowed = []
        if self._runtime.allocator_mb is not None:
            resident = self._device.resident_bytes(_weights_bytes(self._model))
            allowed.append(int(PLANNED_SHARE * (self._runtime.allocator_mb * 1e6 - resident)))
        if self._too_much_bytes is not None:
            allowed.append(self._too_much_bytes // 2)
        return min(allowed, default=None)

    def _slab_run(self) -> SlabRun:
        if self._slabs is None:
            from flarecli.engine.slabs import SlabRun

            self._slabs = SlabRun(self._model, self._output, self._device)
        return self._slabs

    def _too_little(self, error: LimitTooLow) -> UsageError | InstallationError:
        runtime = self._runtime
        if runtime.max_gpu_mb is None or runtime.allocator_mb is None:
            return InstallationError(
                f"the memory of the device does not suffice for {self._model.name}, even in the thinnest slabs",
                expected=f"about {error.needed_bytes / 1e6:.0f} MB free for its activations",
                remedy="End other programs on the GPU, choose --precision bfloat16, or use --device cpu.",
            )
        beside_mb = runtime.max_gpu_mb - runtime.allocator_mb
        resident_mb = self._device.resident_bytes(_weights_bytes(self._model)) / 1e6
        needed_mb = beside_mb + resident_mb + error.needed_bytes / 1e6 / PLANNED_SHARE
        return UsageError(
            f"{self._model.name} does not fit the limit of GPU memory, even in the thinnest slabs",
            seen=f"--max-gpu-mb {runtime.max_gpu_mb:g}",
            expected=f"about {needed_mb:.0f} MB: {beside_mb:.0f} for the GPU's context, {resident_mb:.0f} for weights",
            remedy="Raise the limit, choose --precision bfloat16, or use --device cpu.",
        )


def slab_device(runtime: Runtime) -> SlabDevice:
    """Interface to the runtime's device for running in slabs."""
    if runtime.backend == "torch":
        from flarecli.engine.slabs.torch_device import TorchSlabDevice

        return TorchSlabDevice(runtime.torch_device)
    from flarecli.engine.slabs.tensorflow_device import TensorFlowSlabDevice

    return TensorFlowSlabDevice()


def _weights_bytes(model: keras.Model) -> int:
    # Weights are float32 in every precision.
    return 4 * int(model.count_params())
