"""What one check found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What a finding means for the work.

    `good` and `note` need nothing; with a `warning` something is slow, wrong or unavailable; where one finding is
    `bad`, `flare predict` cannot work.
    """

    good = "good"
    note = "note"
    warning = "warning"
    bad = "bad"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        subject: What was looked at: "memory", "backend torch".
        verdict: What it means.
        seen: What there is, in one line.
        remedy: What to do about a warning or a bad finding.
        facts: The same for programs, JSON-serialisable.
    """

    subject: str
    verdict: Verdict
    seen: str
    remedy: str | None = None
    facts: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "verdict": self.verdict.value}
