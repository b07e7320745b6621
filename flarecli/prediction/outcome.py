"""What is written for a case, and how a case ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.errors import FlareError
from flarecli.measures.statistics import OrganStatistics
from flarecli.prediction.cases import Case


@dataclass(frozen=True)
class Extras:
    """What to write besides the label map and its record.

    Attributes:
        split: Whether to write one mask file an organ, too.
        preview: Picture file for a case, where one is wanted.
    """

    split: bool = False
    preview: Callable[[Case], Path] | None = None


@dataclass(frozen=True)
class Outcome:
    """How one case ended.

    Attributes:
        case: The case.
        status: "done", "skipped" (complete already) or "failed".
        record: Its record, where it is done, now or by an earlier run.
        statistics: What its organs measure, likewise.
        error: What went wrong, where it failed.
    """

    case: Case
    status: str
    record: Mapping[str, Any] | None = None
    statistics: tuple[OrganStatistics, ...] = ()
    error: FlareError | None = None
