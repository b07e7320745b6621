"""What is written for a case, and how a case ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.errors import FlareError, UsageError
from flarecli.measures.statistics import OrganStatistics
from flarecli.prediction.cases import Case


@dataclass(frozen=True)
class Extras:
    """What to write besides the label map and its record.

    Attributes:
        split: Whether to write one mask file an organ, too.
        preview: Picture file for a case, where one is wanted.

    Raises:
        UsageError: when `preview` is no function.
    """

    split: bool = False
    preview: Callable[[Case], Path] | None = None

    def __post_init__(self) -> None:
        if self.preview is not None and not callable(self.preview):
            raise UsageError(
                "the preview's file must be given by a function of the case",
                seen=repr(self.preview),
                expected="for example: lambda case: folder / f'{case.name}.png'",
                remedy="Give such a function, or None for no preview.",
            )


@dataclass(frozen=True)
class Outcome:
    """How one case ended.

    Attributes:
        case: The case.
        status: "done", "skipped" (complete already) or "failed".
        record: Its record, where it is done, now or by an earlier run.
        statistics: What its organs measure, likewise.
        error: What went wrong, where it failed.
        redone: Why what an earlier run left of it does not count, where there was something.
    """

    case: Case
    status: str
    record: Mapping[str, Any] | None = None
    statistics: tuple[OrganStatistics, ...] = ()
    error: FlareError | None = None
    redone: str | None = None
