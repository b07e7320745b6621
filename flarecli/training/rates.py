"""Throughput of the sample loader and of the network, each measured alone."""

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
    """Throughput, measured while these processes do nothing else.

    Attributes:
        samples_per_s: Samples that the loader makes a second.
        used_samples_per_s: Samples that the network trains on a second.
        workers: Worker processes of the loader.
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
    """Time the loader, after the samples for which every scan is new, and updates with one and the same batch.

    Args:
        model: The network; the timed updates change its weights.
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
        # Samples that wait in the queues were made before the measurement starts.
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
