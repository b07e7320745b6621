"""How fast samples are made and how fast they are used, each alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flarecli.training.samples.loader import SampleLoader
from flarecli.training.samples.stream import Stream

if TYPE_CHECKING:
    from flarecli.training.learning.trained_model import TrainedModel

_WARM_STEPS = 2


@dataclass(frozen=True)
class Rates:
    """Measured with nothing else going on in these processes.

    Attributes:
        samples_per_s: What the loader makes.
        used_samples_per_s: What the network takes.
        workers: Processes that made samples.
    """

    samples_per_s: float
    used_samples_per_s: float
    workers: int

    @property
    def is_ahead(self) -> bool:
        """Whether the loader is faster than the network."""
        return self.samples_per_s >= self.used_samples_per_s


def measure_rates(
    model: TrainedModel, stream: Stream, batch: int, workers: int, samples: int = 40, steps: int = 8
) -> Rates:
    """Time the loader, beyond the samples for which every scan is new, and updates with one and the same batch.

    Args:
        model: The network; is trained a little.
        stream: The samples.
        batch: Samples of a batch.
        workers: Processes that make samples.
        samples: How many are timed.
        steps: How many updates are timed.
    """
    schedule = stream.schedule
    with SampleLoader(stream, 0, workers) as loader:
        incoming = iter(loader)
        held = [next(incoming) for _ in range(max(schedule.settling_samples, batch))][:batch]
        # What lies ready in the queues was made before the clock starts.
        ready = workers * max(4, 2 * schedule.reuse)
        for _ in range(ready):
            next(incoming)
        began = time.perf_counter()
        for _ in range(samples):
            next(incoming)
        samples_per_s = samples / (time.perf_counter() - began)
    for number in range(_WARM_STEPS):
        model.update([held], number)
    began = time.perf_counter()
    for number in range(steps):
        model.update([held], number)
    return Rates(samples_per_s, steps * batch / (time.perf_counter() - began), workers)
