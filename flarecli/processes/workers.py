"""The same work on many items, in several processes, of which none outlives its parent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from flarecli.errors import FlareError, InstallationError
from flarecli.processes.child import Child, ChildEnded, Receive, Send, as_message, first_with_message, stop_children

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2  # items in the hands of each process: the next is there when one is done, and results do not pile up


class Pool(Protocol):
    """What applies a function to items elsewhere: `Workers`, or the workers of a scheduler."""

    def work_on(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result]]: ...


class Workers:
    """Processes that are started when there is work for several of them, and end with the `with` block.

    They are started afresh (`spawn`), so a script that uses them needs the usual `if __name__ == "__main__":`.

    Args:
        jobs: Number of processes; with 1 the work is done in this one.
        remedy: What to do about processes that were killed.
    """

    def __init__(self, jobs: int, remedy: str = "Use fewer processes (--jobs 1), and run the command again.") -> None:
        self._jobs = jobs
        self._remedy = remedy
        self._children: list[Child] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def work_on(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result]]:
        """Apply a function to items; results come in the order in which they are finished.

        Args:
            function: Picklable, as are items and results, where there are several processes.
            items: What to work on.

        Raises:
            InstallationError: when a process was killed, most likely for its memory, or memory ran out.
            FlareError: what the function raised, in several processes.
        """
        if self._jobs <= 1 or (len(items) <= 1 and not self._children):
            for item in items:
                yield item, function(item)
            return
        is_done = False
        try:
            yield from self._results(function, items)
            is_done = True
        except ChildEnded as ended:
            raise InstallationError(
                "a process was killed",
                seen=ended,
                remedy=f"Most likely the memory ran out. {self._remedy}",
            ) from None
        finally:
            if not is_done:  # results that nobody takes are on their way
                self._stop()

    def _results(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result]]:
        while len(self._children) < min(self._jobs, len(items)):
            self._children.append(Child(_serve))
        waiting = deque(items)
        at_work: dict[Child, deque[Item]] = {child: deque() for child in self._children}
        while True:
            while waiting:
                child, given = min(at_work.items(), key=lambda entry: len(entry[1]))
                if len(given) == _AHEAD:
                    break
                child.send((function, waiting[0]))
                given.append(waiting.popleft())
            busy = [child for child, given in at_work.items() if given]
            if not busy:
                return
            for child in first_with_message(busy):
                result, error = child.receive()
                if error is not None:
                    raise error
                yield at_work[child].popleft(), result

    def _stop(self) -> None:
        stop_children(self._children)
        self._children = []


def _serve(receive: Receive, send: Send) -> None:
    while True:
        function, item = receive()
        message: tuple[Any, FlareError | None]
        try:
            message = (function(item), None)
        except Exception as error:
            message = (None, as_message(error))
        send(message)
