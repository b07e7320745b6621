"""The same work on many items, in several processes, of which none outlives its parent."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from flarecli.errors import InstallationError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2  # items in the hands of each process: the next is there when one is done, and results do not pile up


class Workers:
    """Processes that are started when there is work for several of them, and end with the `with` block.

    They are started afresh (`spawn`), so a script that uses them needs the usual `if __name__ == "__main__":`.

    Args:
        jobs: Number of processes; with 1 the work is done in this one.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def work_on(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result]]:
        """Apply a function to items; results come in the order in which they are finished.

        Args:
            function: Picklable, as are items and results, where there are several processes.
            items: What to work on.

        Raises:
            InstallationError: when a process was ended from outside, most likely for its memory.
        """
        if self._jobs <= 1 or (len(items) <= 1 and self._pool is None):
            for item in items:
                yield item, function(item)
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                min(self._jobs, len(items)),
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_end_with_parent,
            )
        waiting = iter(items)
        at_work: dict[Future[Result], Item] = {}
        try:
            while True:
                for item in islice(waiting, _AHEAD * self._jobs - len(at_work)):
                    at_work[self._pool.submit(function, item)] = item
                if not at_work:
                    return
                finished, _ = wait(at_work, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield at_work.pop(future), future.result()
        except BrokenProcessPool as error:
            raise InstallationError(
                "a process was ended from outside",
                seen=error,
                remedy="Most likely the memory ran out: run the command again with fewer processes (--jobs 1); "
                "it goes on.",
            ) from error


def _end_with_parent() -> None:
    """End this process when its parent is gone, also where that was killed and could not say so."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
