"""Backend, device and processes of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from flarecli.engine import Runtime, start_runtime
from flarecli.engine.backend_choice import backend_in_use, backend_with_gpu, is_installed
from flarecli.engine.precision_choice import processor_computes_bfloat16
from flarecli.errors import InstallationError, UsageError
from flarecli.hardware.processors import available_processors
from flarecli.training.learning.freed_memory import keep_freed_memory
from flarecli.training.parallel.launch import present_launch
from flarecli.training.recipe import PrecisionSettings

TRAINING_BACKENDS = ("tensorflow", "torch")

_MOST_WORKERS = 8


@dataclass(frozen=True)
class Machine:
    """Backend, device and processors.

    Attributes:
        backend: "tensorflow", "torch", or "auto": the one that Keras already runs on in this process, else one that has
            a GPU, else what the environment variable `KERAS_BACKEND` names, else the faster one on this processor.
        device: "auto", "cpu" or "gpu".
        threads: Processor threads of the network, all where None; of several processes each has its share.
        workers: Worker processes that make samples, one less than there are processors where None; likewise.
    """

    backend: str = "auto"
    device: str = "auto"
    threads: int | None = None
    workers: int | None = None

    @property
    def worker_count(self) -> int:
        """How many processes make samples."""
        if self.workers is not None:
            return self.workers
        return max(1, min(_MOST_WORKERS, _processors() - 1))

    def start(self, precision: PrecisionSettings) -> Runtime:
        """Set up the backend, in the precision of the recipe for the available device.

        On a CPU this process keeps the memory that it frees from then on; see `keep_freed_memory`.

        Raises:
            UsageError: for a backend that cannot train, or a precision that the device does not have.
            InstallationError: when the backend or device is not available.
        """
        backend = _preferred_backend(self.device) if self.backend == "auto" else self.backend
        if backend not in TRAINING_BACKENDS:
            raise UsageError(
                "this backend cannot train",
                seen=backend,
                expected=" or ".join(TRAINING_BACKENDS),
                remedy="Choose one of those with --backend.",
            )
        wanted = precision.activations
        runtime = start_runtime(
            backend, self.device, "float32" if wanted == "auto" else wanted, self.threads or _processors()
        )
        if runtime.device == "cpu":
            keep_freed_memory()
        elif wanted == "auto":
            return replace(runtime, precision=precision.on_gpu)
        return runtime


def _processors() -> int:
    """Processors for this process, of those that it may use together with the other ones of its training."""
    return max(1, available_processors() // present_launch().local_size)


def _preferred_backend(device: str) -> str:
    """The backend that "auto" selects."""
    if present_launch().size > 1:
        return "torch"
    if running := backend_in_use():
        return running
    if device != "cpu" and (found := backend_with_gpu()):
        return found
    installed = [backend for backend in TRAINING_BACKENDS if is_installed(backend)]
    if not installed:
        raise InstallationError(
            "training needs PyTorch or TensorFlow, and neither is installed",
            remedy="Install one: pip install 'flarecli[torch]'.",
        )
    # Measured, see docs/train.md: on processors with AVX-512, which are those with bfloat16, an update takes PyTorch
    # one and a half to three times as long as TensorFlow; on others it is the other way round.
    faster = "tensorflow" if processor_computes_bfloat16() else "torch"
    wanted = os.environ.get("KERAS_BACKEND", "")
    return next(backend for backend in (wanted, faster, *installed) if backend in installed)
