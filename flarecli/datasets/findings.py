"""Faults and warnings about a case, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from flarecli.addresses import shown
from flarecli.errors import Blame, FlareError


class Severity(StrEnum):
    """Whether a case can be used."""

    FAULT = "fault"
    """It cannot."""
    WARNING = "warning"
    """It can, but should be reviewed."""


@dataclass(frozen=True)
class Finding:
    """One fault or warning.

    Attributes:
        severity: Whether the case can be used nevertheless.
        subject: What it concerns: "files", "scan", "labels", "geometry" or "organs".
        problem: What it is, in one sentence without a full stop.
        path: The file concerned.
        seen: What was found.
        expected: What would have been right.
        remedy: What to do about it.
        is_of_host: Whether this host is the reason, not the files: too little memory, a drive that does not answer, a
            package that is not installed. Not kept by `as_dict`.
    """

    severity: Severity
    subject: str
    problem: str
    path: str | None = None
    seen: str | None = None
    expected: str | None = None
    remedy: str | None = None
    is_of_host: bool = field(default=False, compare=False)

    @classmethod
    def of_error(cls, subject: str, error: FlareError) -> Finding:
        """A fault from the error that reading ended with."""
        path = error.place
        is_of_host = error.blame is not Blame.INPUT
        return cls(Severity.FAULT, subject, error.problem, path, error.seen, error.expected, error.remedy, is_of_host)

    @classmethod
    def warning(cls, subject: str, problem: str, path: Path | None = None) -> Finding:
        """A warning of one sentence."""
        return cls(Severity.WARNING, subject, problem, None if path is None else shown(path))

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Finding:
        """Restore what `as_dict` gave.

        Raises:
            TypeError: when it is not that.
        """
        return cls(**{**facts, "severity": Severity(facts["severity"])})

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        facts = asdict(self)
        del facts["is_of_host"]
        return facts

    @property
    def sentence(self) -> str:
        """Problem, value seen and value expected in one line."""
        parts = [self.problem]
        if self.seen is not None:
            parts.append(f"seen: {self.seen}")
        if self.expected is not None:
            parts.append(f"expected: {self.expected}")
        return "; ".join(parts)
