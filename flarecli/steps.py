"""Named steps of a case with their wall and processor time; the one clock that records and progress bars read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

StepObserver = Callable[[str], AbstractContextManager[None]]
"""Given a step's name, a context to run that step in, on whichever thread it runs."""

_observers: list[StepObserver] = []


@contextmanager
def observed_steps(observer: StepObserver) -> Iterator[None]:
    """Let `observer` see every step of this process, of whatever clock, while the enclosed block runs."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


@dataclass(frozen=True)
class StepTime:
    """What one step took.

    Attributes:
        name: Name of the step, e.g. "localize".
        wall_s: Seconds that passed.
        cpu_s: Processor seconds of this process, all threads together.
    """

    name: str
    wall_s: float
    cpu_s: float


@dataclass
class Steps:
    """Times steps as they run, and tells an observer when one begins.

    Example:
        >>> steps = Steps()
        >>> with steps("read"):
        ...     pass
        >>> [step.name for step in steps.times]
        ['read']
    """

    on_start: Callable[[str], None] | None = None
    times: list[StepTime] = field(default_factory=list)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the enclosed block under `name`, also when it fails. A name may occur several times."""
        if self.on_start is not None:
            self.on_start(name)
        with ExitStack() as observed:
            for observer in tuple(_observers):
                observed.enter_context(observer(name))
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                yield
            finally:
                self.times.append(StepTime(name, time.perf_counter() - wall, time.process_time() - cpu))
