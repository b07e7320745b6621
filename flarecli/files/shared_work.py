"""Items that several processes work through together, each by one of them; every process hears of all results."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from flarecli.files.claims import Claims

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_DEATHS = 2
"""An item that so many processes died at is not tried again."""

_WAIT_S = 1.0


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
    """Work through items together with other processes that do the same, of any host with the same file system.

    An item whose process died is taken over when nothing else is left to be begun; where it kills that one, too, it is
    not tried again. At the end this process waits for what others are still doing.

    Args:
        items: In the same order in every process, or in another one.
        shared: What is to be done.
        claims: The claims of this process.
        wait_s: How long to wait between looks at the last items, which other processes hold.

    Yields:
        Each item with its result, whoever did it, as they are there.

    Raises:
        OutputError: when claims cannot be created.
    """
    waiting: deque[Item] = deque()
    with claims or Claims() as held:

        def taken(item: Item, *, over: bool) -> Iterator[tuple[Item, Result]]:
            place = shared.place(item)
            result = shared.found(item)
            if result is not None:
                held.clear(place)
                yield item, result
                return
            claim = held.take(place, over=over)
            if claim is None:
                waiting.append(item)
                return
            try:
                result = shared.found(item)  # of the process that held it until now
                if result is None and claim.turn > MOST_DEATHS:
                    result = shared.killed(item, claim.turn - 1)
                elif result is None:
                    result = shared.work(item)
            finally:
                held.release(claim)
            yield item, result

        for item in items:
            yield from taken(item, over=False)
        while waiting:
            for _ in range(len(waiting)):
                yield from taken(waiting.popleft(), over=True)
            if waiting:
                time.sleep(wait_s)
