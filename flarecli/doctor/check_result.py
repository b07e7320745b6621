"""The result of one check."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class CheckVerdict(StrEnum):
    """How serious a result is.

    `good` and `note` need nothing; with a `warning` something is slow, wrong or unavailable; where one result is
    `bad`, `flare predict` cannot work.
    """

    good = "good"
    note = "note"
    warning = "warning"
    bad = "bad"


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Attributes:
        subject: What was checked: "memory", "backend torch".
        verdict: How serious it is.
        seen: What there is, in one line.
        remedy: What to do about a warning or a bad result.
        facts: The same for programs, JSON-serialisable.
    """

    subject: str
    verdict: CheckVerdict
    seen: str
    remedy: str | None = None
    facts: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "verdict": self.verdict.value}
