"""A part of a list for each task of a job array."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flarecli.errors import UsageError

Item = TypeVar("Item")

_FORM = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_INDEX, _FIRST, _LAST, _COUNT, _STEP = (f"SLURM_ARRAY_TASK_{name}" for name in ("ID", "MIN", "MAX", "COUNT", "STEP"))

_BY_HAND = {"--part auto": "--part I/N, or --share, which needs neither", "--fold auto": "--fold K"}


@dataclass(frozen=True)
class Part:
    """Which part of a list.

    Attributes:
        number: From 1 to `count`.
        count: Number of parts.
    """

    number: int
    count: int

    def of(self, items: Sequence[Item]) -> Sequence[Item]:
        """Every `count`-th item, from the one of this number on: neighbours, which are often alike, are spread."""
        return items[self.number - 1 :: self.count]


def parsed_part(text: str, environment: Mapping[str, str] = os.environ, *, option: str = "--part auto") -> Part:
    """The part that "2/8" or "auto" means.

    "auto" takes number and count from the environment of a Slurm job array, whose indices may begin anywhere
    (`--array=0-7`, `--array=1-8`).

    Args:
        text: What the user gave.
        environment: Environment variables.
        option: What "auto" was given with, for messages.

    Raises:
        UsageError: when it means none.
    """
    if text == "auto":
        return _part_of_array(environment, option)
    found = _FORM.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(
            "there is no such part",
            seen=repr(text),
            expected="I/N, with I from 1 to N: 2/8",
            remedy="Give I/N, or auto within a Slurm job array.",
        )
    return Part(int(found[1]), int(found[2]))


def _part_of_array(environment: Mapping[str, str], option: str) -> Part:
    try:
        index, count = int(environment[_INDEX]), int(environment[_COUNT])
        first, last = int(environment[_FIRST]), int(environment[_LAST])
        step = int(environment.get(_STEP, "1"))
    except (KeyError, ValueError):
        raise UsageError(
            f"{option} needs a Slurm job array",
            seen=f"{_INDEX}={environment.get(_INDEX)}, {_COUNT}={environment.get(_COUNT)}",
            expected="numbers in SLURM_ARRAY_TASK_ID, _COUNT, _MIN and _MAX",
            remedy=f"Submit it with sbatch --array=1-N, or give {_BY_HAND.get(option, 'a number')}.",
        ) from None
    number, rest = divmod(index - first, step) if step > 0 else (-1, 0)
    # An array with gaps, such as --array=3,7 to repeat tasks that failed, does not say which parts these were.
    if rest or not 0 <= number < count or first + (count - 1) * step != last:
        raise UsageError(
            "the indices of the job array are not evenly spaced, so its tasks do not stand for parts",
            seen=f"task {index} of {count}, from {first} to {last}, step {step}",
            expected="an array such as 1-8 or 0-7",
            remedy=f"Submit another array, or give {_BY_HAND.get(option, 'a number')}.",
        )
    return Part(number + 1, count)
