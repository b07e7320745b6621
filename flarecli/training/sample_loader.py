"""Samples made beside the training by other processes, delivered in order."""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections.abc import Iterator
from itertools import count
from types import TracebackType
from typing import Any

from flarecli.errors import FlareError, InstallationError, UnexpectedError
from flarecli.training.sample_stream import Stream

_PATIENCE_S = 2.0
"""How long to wait before looking whether the process on the other side is still there."""


class SampleLoader:
    """The samples of a stream from a given one on, in order, whatever the number of processes.

    Every scan belongs to one process, which makes it and all samples that are cut from it. Each process has a queue
    of its own; whoever takes sample k knows in which queue it comes next.

    Args:
        stream: The samples.
        start: Number of the first one.
        workers: Number of processes; with 0 samples are made when they are asked for, in this process.
        ahead: Samples that each process may be ahead; enough for several uses of a scan by default.
    """

    def __init__(self, stream: Stream, start: int = 0, workers: int = 1, ahead: int | None = None) -> None:
        self._stream = stream
        self._start = start
        self._workers = workers
        context = multiprocessing.get_context("spawn")
        depth = ahead or max(4, 2 * stream.schedule.reuse)
        self._queues: list[Any] = [context.Queue(maxsize=depth) for _ in range(workers)]
        self._processes = [
            context.Process(target=_make_samples, args=(stream, start, index, workers, samples), daemon=True)
            for index, samples in enumerate(self._queues)
        ]

    def __enter__(self) -> SampleLoader:
        # A loader computes with one thread: several would take the processors from the training.
        outer = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
        try:
            for process in self._processes:
                process.start()
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
        for process in self._processes:
            if process.pid is not None:
                process.terminate()
                process.join()
        for samples in self._queues:
            samples.cancel_join_thread()
            samples.close()

    def __iter__(self) -> Iterator[Any]:
        """The samples, without end.

        Raises:
            FlareError: what a process met while it made the sample that is due.
            InstallationError: when a process was ended from outside.
        """
        for number in count(self._start):
            yield self._received(number) if self._workers else self._stream.sample(number)

    def _received(self, number: int) -> Any:
        owner = self._stream.schedule.scan_of(number) % self._workers
        while True:
            try:
                received = self._queues[owner].get(timeout=_PATIENCE_S)
                break
            except queue.Empty:
                if not self._processes[owner].is_alive() and self._queues[owner].empty():
                    raise InstallationError(
                        "a process that makes training samples was ended from outside",
                        seen=f"exit code {self._processes[owner].exitcode}",
                        remedy="Most likely the memory ran out: use fewer (--workers 1), and run the command again.",
                    ) from None
        if isinstance(received, FlareError):
            raise received
        return received


_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _make_samples(stream: Stream, start: int, index: int, workers: int, samples: Any) -> None:
    """Fill a queue for as long as the training process lives, also where that was killed."""
    import signal

    # An interrupt from the keyboard reaches all processes; the training decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in count(start):
        if stream.schedule.scan_of(number) % workers != index:
            continue
        try:
            made = stream.sample(number)
        except FlareError as error:
            made = error
        except Exception as error:
            made = UnexpectedError(
                f"{type(error).__name__} while a training sample was made",
                seen=error,
                remedy="This is a defect of flare, or memory ran out: report it with the command.",
            )
        if not _delivered(made, samples):
            return


def _delivered(made: Any, samples: Any) -> bool:
    """Put into the queue as soon as there is room; False when the training process is gone."""
    trainer = multiprocessing.parent_process()
    while True:
        try:
            samples.put(made, timeout=_PATIENCE_S)
            return True
        except queue.Full:
            if trainer is None or not trainer.is_alive():
                samples.cancel_join_thread()
                return False
