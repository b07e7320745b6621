"""Time and memory of each step of a run, measured inside its process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flarecli.profiling.allocator import AllocatorPeak
from flarecli.profiling.high_water import HighWater

STARTING_STEP = "start"
"""What a fresh process does before its first step: interpreter, imports."""

_LOADING_STEP = "load"
"""The step that ends when backend and networks are ready; see `flarecli.prediction.Predictor.predict`."""


@dataclass
class Span:
    """A stretch of a run and what it took.

    Attributes:
        name: Name of the step.
        start_s: When it began, by `time.monotonic`, which is one clock for all processes of a machine.
        end_s: When it ended.
        cpu_start_s: Processor seconds of the process until it began, all threads together.
        cpu_end_s: Processor seconds of the process until it ended.
        peak_rss_mb: Largest resident memory of the process in this time, MB; None where unknown.
        allocator_peak_mb: Likewise of the framework's GPU allocator.
    """

    name: str
    start_s: float
    end_s: float = 0.0
    cpu_start_s: float = 0.0
    cpu_end_s: float = 0.0
    peak_rss_mb: float | None = None
    allocator_peak_mb: float | None = None

    @property
    def wall_s(self) -> float:
        """Seconds that passed."""
        return self.end_s - self.start_s

    @property
    def cpu_s(self) -> float:
        """Processor seconds of the process in this time."""
        return self.cpu_end_s - self.cpu_start_s


@dataclass
class StepMeter:
    """Observes steps (`flarecli.steps.observed_steps`), which may nest or run on several threads at once.

    At every beginning and end of a step the peaks since the last such moment are read, reset, and credited to
    all steps that are open.

    Args:
        on_end: Given each step when it has ended.
        since_start_of_process: Whether a step "start" comes first, with all that the process took before its first
            step; its `start_s` is unknown here, and 0.

    Attributes:
        steps: The steps that ended, in that order, since `run` was last entered.
    """

    on_end: Callable[[Span], None] = lambda _: None
    since_start_of_process: bool = False
    steps: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._high_water = HighWater()
        self._allocator = AllocatorPeak()
        self._open = [Span(STARTING_STEP, 0.0)] if self.since_start_of_process else []
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure the enclosed block as a step."""
        with self._lock:
            if self._open and self._open[0].name == STARTING_STEP:
                self._end(self._open[0])
            span = self._begin(name)
        try:
            yield
        finally:
            with self._lock:
                self._end(span)
            if name == _LOADING_STEP:
                self._allocator.ready = True

    @contextmanager
    def run(self) -> Iterator[Span]:
        """Measure the enclosed block as a whole; gives its span, complete afterwards."""
        with self._lock:
            self.steps = []
            span = self._begin("run")
        try:
            yield span
        finally:
            with self._lock:
                self._allocator.ready = True
                self._end(span)
                self.steps.remove(span)

    def _begin(self, name: str) -> Span:
        self._credit_peaks()
        span = Span(name, time.monotonic(), cpu_start_s=time.process_time())
        self._open.append(span)
        return span

    def _end(self, span: Span) -> None:
        span.end_s, span.cpu_end_s = time.monotonic(), time.process_time()
        self._credit_peaks()
        self._open.remove(span)
        self.steps.append(span)
        self.on_end(span)

    def _credit_peaks(self) -> None:
        rss, allocated = self._high_water.mark(), self._allocator.mark()
        for span in self._open:
            span.peak_rss_mb = greatest(span.peak_rss_mb, rss)
            span.allocator_peak_mb = greatest(span.allocator_peak_mb, allocated)


def greatest(*values: float | None) -> float | None:
    """The largest of the values that are known; None where none is."""
    return max((value for value in values if value is not None), default=None)
