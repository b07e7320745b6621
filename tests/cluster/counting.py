"""Long work that counts, writes down how far it is, and goes on from there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import get_spawning_popen
from pathlib import Path

from flarecli.errors import InputError


@dataclass(frozen=True)
class Counting:
    """Counts to `end`, with `seconds` for each number.

    Attributes:
        path: Where the number stands; relative to the working folder.
        end: The last number.
        seconds: For each.
        dies_at: The process is killed at these numbers, each time it gets there.
        fails_at: An error is raised at this number.
    """

    path: Path
    end: int
    seconds: float = 0.0
    dies_at: tuple[int, ...] = ()
    fails_at: int = -1

    def __call__(self, tell: Callable[[int], None], should_stop: Callable[[], bool]) -> str | None:
        number = int(self.path.read_text()) if self.path.exists() else 0
        while number < self.end:
            if should_stop():
                return None
            time.sleep(self.seconds)
            number += 1
            tell(number)
            if number == self.fails_at:
                raise InputError("is an odd number", path=self.path, remedy="None.")
            if number not in self.dies_at or number + 1 == self.end:
                self.path.write_text(str(number))
            if number in self.dies_at:
                time.sleep(1.5)  # what it told is heard
                os.kill(os.getpid(), signal.SIGKILL)
        return f"counted to {number}"


class Unsendable:
    """Work that a worker gets, and cannot hand on to its process."""

    def __reduce__(self) -> tuple[type[Unsendable], tuple[()]]:
        if get_spawning_popen() is not None:
            raise TypeError("cannot be sent")
        return Unsendable, ()

    def __call__(self, tell: Callable[[int], None], should_stop: Callable[[], bool]) -> None: ...


def reached(told: object) -> float:
    """How far it is."""
    return float(told) if isinstance(told, int) else 0.0
