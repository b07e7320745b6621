"""Background data loading: samples made by other processes while the network trains, delivered in order."""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from types import TracebackType
from typing import Any

from flarecli.errors import FlareError, InstallationError
from flarecli.processes.child import Child, ChildEnded, Receive, Send, as_message, stop_children
from flarecli.training.samples.assignment import Assignment
from flarecli.training.samples.stream import Stream

_LOOK_S = 0.2
"""Interval at which a wait for a sample checks whether the user stops the run and all processes are alive."""

_ASKED_AHEAD = 2
"""Samples that the workers know to be theirs, as a multiple of those that they prefetch: the share of one is not always
the same."""

_GRACE_S = 1.0
"""A signal to all processes of a job may reach the training process after its worker processes."""


class SampleLoader:
    """The samples of a stream from a given number on, in order, whatever the number of processes.

    Each scan is assigned to one worker process, which makes it and all samples that are cut from it. Each process has
    its own connection, on which it is asked for its samples, and waits where there are none to make.

    Args:
        stream: The samples.
        start: Number of the first one.
        workers: Number of worker processes; with 0 samples are made on demand, in this process.
        ahead: Samples that each process prefetches; enough for several uses of a scan by default.
        should_stop: Called while a sample is waited for; the samples end where it returns True.
    """

    def __init__(
        self,
        stream: Stream,
        start: int = 0,
        workers: int = 1,
        ahead: int | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stream = stream
        self._workers = workers
        self._ahead = ahead or max(4, 2 * stream.schedule.reuse)
        self._should_stop = should_stop
        self._children: list[Child] = []
        self._assignment = Assignment(stream.schedule, workers)
        self._numbers = count(start)
        self._due: deque[Child] = deque()

    def __enter__(self) -> SampleLoader:
        # A worker process computes with one thread: several would take the processors from the training.
        outer = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
        try:
            for _ in range(self._workers):
                self._children.append(Child(_make_samples))
            for child in self._children:
                # Not as an argument of the process: a process that dies before it has read it would be waited for.
                child.send((self._stream, self._ahead))
            for _ in range(_ASKED_AHEAD * self._ahead * self._workers):
                self._ask()
        except ChildEnded as ended:
            stop_children(self._children)
            raise _ended_from_outside(ended) from None
        except BaseException:
            stop_children(self._children)
            raise
        finally:
            for name, value in outer.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop_children(self._children)

    def __iter__(self) -> Iterator[Any]:
        """The samples, without end unless the user stops the run while one is waited for.

        Raises:
            FlareError: the error of the worker process that made the next sample.
            InstallationError: when a worker process was killed.
        """
        if not self._workers:
            yield from map(self._stream.sample, self._numbers)
        while True:
            try:
                if not self._is_there(self._due[0]):
                    return
                received = self._due.popleft().receive()
                if isinstance(received, FlareError):
                    raise received
                self._ask()
            except ChildEnded as ended:
                if self._is_stopping():
                    return
                raise _ended_from_outside(ended) from None
            yield received

    def _ask(self) -> None:
        """Have the next sample made by its worker.

        Raises:
            ChildEnded: when that has ended.
        """
        number = next(self._numbers)
        owner = self._children[self._assignment.worker_of(number)]
        owner.send(number)
        self._due.append(owner)

    def _is_there(self, owner: Child) -> bool:
        """Wait for a sample of a process; False when the user stops the run instead.

        Raises:
            ChildEnded: when any of the processes has ended.
        """
        while True:
            for child in self._children:
                child.check()
            if owner.has_message(_LOOK_S):
                return True
            if self._should_stop():
                return False

    def _is_stopping(self) -> bool:
        for _ in range(round(_GRACE_S / _LOOK_S)):
            if self._should_stop():
                return True
            threading.Event().wait(_LOOK_S)
        return False


def _ended_from_outside(ended: ChildEnded) -> InstallationError:
    return InstallationError(
        "a process that makes training samples was killed",
        seen=ended,
        remedy="Most likely the memory ran out: use fewer (--workers 1), and run the command again; it resumes.",
    )


_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _make_samples(receive: Receive, send: Send) -> None:
    """Send the samples that are asked for, in this order, as long as the training process is alive; prefetch some."""
    stream, ahead = receive()
    made: queue.Queue[Any] = queue.Queue(maxsize=ahead)
    threading.Thread(target=_send_on, args=(made, send), daemon=True).start()
    while True:
        number = receive()
        try:
            sample = stream.sample(number)
        except Exception as error:
            sample = as_message(error)
        made.put(sample)


def _send_on(made: queue.Queue[Any], send: Send) -> None:
    while True:
        sample = made.get()
        try:
            send(sample)
        except Exception as error:  # it cannot be pickled, or there is no memory for that
            send(as_message(error))
