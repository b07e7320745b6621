"""Results of preprocessing the cases of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flarecli.addresses import shown
from flarecli.datasets.figures import dataset_figures
from flarecli.datasets.findings import Finding
from flarecli.datasets.pairs import LabelledPair


class PreprocessingStatus(StrEnum):
    """Result of preprocessing a case."""

    SOUND = "sound"
    """Checked only, as requested."""
    WRITTEN = "written"
    KEPT = "kept"
    """Complete already, from the same files with the same settings."""
    FAULTY = "faulty"


@dataclass(frozen=True)
class CaseOutcome:
    """Result of preprocessing one case.

    Attributes:
        pair: Its files.
        status: Whether it was checked, written, kept or is faulty.
        findings: Faults and warnings.
        figures: What it measures; None where it is faulty.
        hu_counts: How often each HU occurs, see `count_hu`; None where it is faulty.
        seconds: How long checking and writing took; 0 where it was kept.
    """

    pair: LabelledPair
    status: PreprocessingStatus
    findings: tuple[Finding, ...]
    figures: dict[str, Any] | None = None
    hu_counts: NDArray[np.int64] | None = None
    seconds: float = 0.0

    @property
    def is_sound(self) -> bool:
        """Whether the case can be trained on."""
        return self.status is not PreprocessingStatus.FAULTY

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.pair.name,
            "scan": None if self.pair.scan is None else shown(self.pair.scan),
            "labels": None if self.pair.labels is None else shown(self.pair.labels),
            "status": self.status.value,
            "findings": [finding.as_dict() for finding in self.findings],
            "figures": self.figures,
            "seconds": round(self.seconds, 2),
        }


def figures_of(outcomes: Sequence[CaseOutcome]) -> dict[str, Any]:
    """What the sound ones of some cases measure: all together under "dataset", one by one under "cases"."""
    cases: dict[str, Any] = {}
    counts: NDArray[np.int64] | None = None
    for outcome in outcomes:
        if outcome.figures is not None and outcome.hu_counts is not None:
            cases[outcome.pair.name] = outcome.figures
            counts = outcome.hu_counts.copy() if counts is None else counts + outcome.hu_counts
    return {"dataset": None if counts is None else dataset_figures(list(cases.values()), counts), "cases": cases}
