"""Limits that a system has to keep, for automatic checks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flarecli.profiling.profile import CaseProfile, Profile
from flarecli.profiling.step_meter import greatest


@dataclass(frozen=True)
class Breach:
    """A limit that a case broke.

    Attributes:
        case: Name of the case.
        figure: What is limited.
        limit: The most that was allowed.
        measured: What came out; None where it could not be measured, which also breaks the limit.
    """

    case: str
    figure: str
    limit: float
    measured: float | None

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


@dataclass(frozen=True)
class Budget:
    """Limits for every case; None allows anything.

    Attributes:
        max_seconds: Median seconds of a cold run, or of a warm one where there is no cold one.
        max_gpu_mb: GPU memory, MB (10^6 bytes); see `CaseProfile.gpu_memory`.
        max_rss_mb: Peak resident memory, cold or warm, MB.
    """

    max_seconds: float | None = None
    max_gpu_mb: float | None = None
    max_rss_mb: float | None = None

    def breaches(self, profile: Profile) -> list[Breach]:
        """The limits that were broken, case by case; a case that failed breaks none."""
        return [breach for case in profile.cases if case.error is None for breach in self._of_case(case)]

    def _of_case(self, case: CaseProfile) -> list[Breach]:
        leading = case.leading
        peaks = [run.whole.peak_rss_mb for run in (*case.cold, *case.warm)]
        limits = {
            "seconds": (self.max_seconds, None if leading is None else leading.whole.wall_s),
            "GPU MB": (self.max_gpu_mb, case.gpu_memory[0]),
            "RSS MB": (self.max_rss_mb, greatest(*peaks)),
        }
        return [
            Breach(case.case.name, figure, limit, measured)
            for figure, (limit, measured) in limits.items()
            if limit is not None and (measured is None or measured > limit)
        ]
