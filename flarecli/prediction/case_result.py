"""How a case ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flarecli.errors import FlareError
from flarecli.measures.statistics import OrganStatistics
from flarecli.prediction.cases import Case


@dataclass(frozen=True)
class CaseResult:
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
