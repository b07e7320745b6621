"""Submission of tasks to a scheduler in limited number: enough that no worker is idle, and no more in memory."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from flarecli.cluster.packages import distributed
from flarecli.errors import InstallationError

Item = TypeVar("Item")

_AHEAD = 2  # tasks for each worker: the next is there when one is done
_LOOK_S = 1.0
_numbers = itertools.count()


def ended_tasks(
    client: Any,
    function: Callable[..., Any],
    items: Iterable[Item],
    *arguments: Any,
    name: str,
    most: int | None = None,
) -> Iterator[tuple[Item, Any]]:
    """Apply a function to items; the workers' number may change meanwhile.

    Args:
        client: The client of the scheduler.
        function: Called as `function(item, *arguments)` by a worker.
        items: Taken as workers become free.
        arguments: The same for all.
        name: What tasks are called on the dashboard.
        most: How many may be under way; two for each worker where None.

    Yields:
        Items with their futures, as they end.

    Raises:
        InstallationError: when the scheduler goes away.
    """
    dask = distributed()
    running = dask.as_completed(loop=client.loop)
    under_way: dict[str, Item] = {}
    left = iter(items)
    limit = _Limit(client, most)

    def fill() -> None:
        while len(under_way) < limit.now():
            for item in left:
                key = f"{name}-{next(_numbers)}-{time.time_ns()}"
                future = client.submit(function, item, *arguments, key=key, pure=False)
                under_way[future.key] = item
                running.add(future)
                break
            else:
                return

    try:
        fill()
        for future in running:
            if future.status not in ("finished", "error"):
                raise gone()
            yield under_way.pop(future.key), future
            fill()
    except (OSError, dask.CancelledError) as error:
        raise gone() from error


def result_of(future: Any) -> Any:
    """The result of an ended task, brought from its worker.

    Raises:
        InstallationError: when scheduler or workers go away meanwhile.
        distributed.KilledWorker: when the task was lost with its workers.
        BaseException: what the task raised.
    """
    try:
        return future.result()
    except (OSError, distributed().CancelledError) as error:
        raise gone() from error


class _Limit:
    def __init__(self, client: Any, most: int | None) -> None:
        self._client, self._most = client, most
        self._looked, self._workers = 0.0, 1

    def now(self) -> int:
        if self._most is not None:
            return self._most
        if time.monotonic() - self._looked > _LOOK_S:
            self._workers = max(1, len(self._client.nthreads()))
            self._looked = time.monotonic()
        return _AHEAD * self._workers


def gone() -> InstallationError:
    """The error for a scheduler that went away."""
    return InstallationError(
        "the scheduler went away",
        expected="a scheduler that runs until all is done",
        remedy="Start one again, and run the command again with --resume: finished cases are kept.",
    )
