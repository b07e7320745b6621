"""Items that several processes work through together, each by one of them; every process hears of all results."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from flarecli.errors import OutputError
from flarecli.files.claims import Claim, Claims

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_DEATHS = 2
"""An item that so many processes died at is not tried again."""

_WAIT_S = 1.0


@dataclass(frozen=True)
class Taken(Generic[Item, Result]):
    """An item that this process has come to.

    Attributes:
        item: The item.
        claim: With it, the item is for this process to do; to be released when its result is written.
        result: The result that is written already; there is no claim then.
        error: Why it cannot be claimed.
    """

    item: Item
    claim: Claim | None = None
    result: Result | None = None
    error: OutputError | None = None


class SharedQueue(Generic[Item, Result]):
    """Items that several processes, of any host with the same file system, work through together.

    An item whose process died is taken over when nothing else is left to be begun. Leaving the block releases all
    claims.

    Args:
        items: In the same order in every process, or in another one.
        place: The file that is made of an item; its claim lies beside it.
        found: The result that is written already, by whatever process; None where there is none.
        claims: The claims of this process.
        wait_s: How long to wait between looks at the last items, which other processes hold.
    """

    def __init__(
        self,
        items: Iterable[Item],
        place: Callable[[Item], Path],
        found: Callable[[Item], Result | None],
        *,
        claims: Claims | None = None,
        wait_s: float = _WAIT_S,
    ) -> None:
        self._left = iter(items)
        self._place, self._found = place, found
        self._claims = claims or Claims()
        self._wait_s = wait_s
        self._waiting: deque[Item] = deque()  # held by others, dead or alive
        self._is_alone = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._claims.__exit__(kind, error, trace)

    def next(self, *, idle: bool = True) -> Taken[Item, Result] | None:
        """The next item that is done, or for this process to do.

        With nothing else to do, it waits until the items that others hold are done, or those processes have died.

        Args:
            idle: Whether this process works on nothing. Then None says that no item is left; otherwise, that there is
                none to be begun at present: what was taken over is worked on alone.
        """
        if self._is_alone and not idle:
            return None
        self._is_alone = False
        for item in self._left:
            taken = self._taken(item, over=False)
            if taken is not None:
                return taken
        while idle and self._waiting:
            for _ in range(len(self._waiting)):
                taken = self._taken(self._waiting.popleft(), over=True)
                if taken is not None:
                    self._is_alone = taken.claim is not None
                    return taken
            if self._waiting:
                time.sleep(self._wait_s)
        return None

    def release(self, claim: Claim) -> None:
        """Give an item back, done or not."""
        self._claims.release(claim)

    def _taken(self, item: Item, *, over: bool) -> Taken[Item, Result] | None:
        place = self._place(item)
        result = self._found(item)
        if result is not None:
            self._claims.clear(place)
            return Taken(item, result=result)
        try:
            claim = self._claims.take(place, over=over)
        except OutputError as error:
            return Taken(item, error=error)
        if claim is None:
            self._waiting.append(item)
            return None
        try:
            result = self._found(item)  # of the process that held it until now
        except BaseException:
            self._claims.release(claim)
            raise
        if result is None:
            return Taken(item, claim)
        self._claims.release(claim)
        return Taken(item, result=result)


@dataclass(frozen=True)
class SharedWork(Generic[Item, Result]):
    """What is to be done with each item.

    Attributes:
        place: The file that is made of an item; its claim lies beside it.
        found: The result that is written already, by whatever process; None where there is none.
        work: Does it, writes the result and returns it.
        killed: Writes and returns the result of an item that killed so many processes.
    """

    place: Callable[[Item], Path]
    found: Callable[[Item], Result | None]
    work: Callable[[Item], Result]
    killed: Callable[[Item, int], Result]


def shared_results(
    items: Iterable[Item], shared: SharedWork[Item, Result], *, claims: Claims | None = None, wait_s: float = _WAIT_S
) -> Iterator[tuple[Item, Result]]:
    """Work through items together with other processes that do the same, one item at a time; see `SharedQueue`.

    Where an item also kills the process that took it over, it is not tried again. At the end this process waits for
    what others are still doing.

    Yields:
        Each item with its result, whoever did it, as they are there.

    Raises:
        OutputError: when claims cannot be created.
    """
    with SharedQueue(items, shared.place, shared.found, claims=claims, wait_s=wait_s) as queue:
        while (taken := queue.next()) is not None:
            if taken.error is not None:
                raise taken.error
            result = taken.result
            if taken.claim is not None:
                try:
                    is_deadly = taken.claim.turn > MOST_DEATHS
                    result = shared.killed(taken.item, taken.claim.turn - 1) if is_deadly else shared.work(taken.item)
                finally:
                    queue.release(taken.claim)
            assert result is not None
            yield taken.item, result
