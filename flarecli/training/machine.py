"""What a run computes with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flarecli.engine import Runtime, start_runtime
from flarecli.engine.runtime import available_threads
from flarecli.errors import UsageError
from flarecli.training.recipe import PrecisionSettings

TRAINING_BACKENDS = ("tensorflow", "torch")

_MOST_WORKERS = 8


@dataclass(frozen=True)
class Machine:
    """Backend, device and processors.

    Attributes:
        backend: "tensorflow" or "torch".
        device: "auto", "cpu" or "gpu".
        threads: Processor threads of the network, all where None.
        workers: Processes that make samples, one less than there are processors where None.
    """

    backend: str = "tensorflow"
    device: str = "auto"
    threads: int | None = None
    workers: int | None = None

    @property
    def worker_count(self) -> int:
        """How many processes make samples."""
        if self.workers is not None:
            return self.workers
        return max(1, min(_MOST_WORKERS, available_threads() - 1))

    def start(self, precision: PrecisionSettings) -> Runtime:
        """Set up the backend, in the precision that is wanted on the device that there is.

        Raises:
            UsageError: for a backend that cannot train, or a precision that the device does not have.
            InstallationError: when the backend or device is not there.
        """
        if self.backend not in TRAINING_BACKENDS:
            raise UsageError(
                "this backend cannot train",
                seen=self.backend,
                expected=" or ".join(TRAINING_BACKENDS),
                remedy="Choose one of those with --backend.",
            )
        wanted = precision.activations
        runtime = start_runtime(self.backend, self.device, "float32" if wanted == "auto" else wanted, self.threads)
        if wanted == "auto" and runtime.device == "gpu":
            return replace(runtime, precision=precision.on_gpu)
        return runtime
