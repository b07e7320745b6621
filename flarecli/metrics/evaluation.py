"""Evaluation of all cases of a test set in parallel; a case that fails does not affect the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flarecli.hardware.processors import available_processors
from flarecli.metrics.case import CaseEvaluation, EvaluationStatus, evaluate_case
from flarecli.metrics.label_values import ValueCounts, value_warnings
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair
from flarecli.metrics.shared import SharedScores
from flarecli.metrics.summary import Summary, summarize
from flarecli.processes.workers import Pool, Workers


@dataclass(frozen=True)
class Evaluation:
    """The scores of a set of cases.

    Attributes:
        settings: How they were scored.
        cases: One result a case, in the order of the pairs.
        unmatched: Names of predictions that have no ground truth; they are not scored.
        warnings: Entries of the folders that are not used.
    """

    settings: EvaluationSettings
    cases: tuple[CaseEvaluation, ...]
    unmatched: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[CaseEvaluation, ...]:
        """Cases without prediction and cases that could not be scored."""
        return tuple(case for case in self.cases if case.status is not EvaluationStatus.SCORED)

    @property
    def counted(self) -> tuple[CaseEvaluation, ...]:
        """Cases that enter the means: the scored ones, and the missing ones with the worst scores."""
        return tuple(case for case in self.cases if case.status is not EvaluationStatus.FAILED)

    @property
    def organ_names(self) -> tuple[str, ...]:
        """Names of the organs, in the order of the scores."""
        return tuple(organ.name for organ in self.settings.protocol.organs)

    def value_warnings(self) -> tuple[str, ...]:
        """What the values of all label maps together say about the protocol, see `value_warnings`."""
        counts = [case.values for case in self.cases if case.values is not None]
        return value_warnings(ValueCounts.total(counts), self.settings.protocol)

    def summary(self) -> Summary:
        """Means, deviations and medians over the counted cases, by metric and organ."""
        return summarize([case.scores for case in self.counted], self.settings.metrics, self.organ_names)

    def as_dict(self) -> dict[str, Any]:
        """The evaluation for programs; numbers that are infinite or do not exist are null."""
        protocol = self.settings.protocol
        return {
            "protocol": protocol.name,
            "literal": self.settings.literal,
            "organs": [
                {"label": organ.label, "name": organ.name, "nsd_tolerance_mm": organ.tolerance_mm}
                for organ in protocol.organs
            ],
            "cases": [case.as_dict(self.organ_names) for case in self.cases],
            "unmatched_predictions": list(self.unmatched),
            "warnings": [*self.warnings, *self.value_warnings()],
            "counts": {
                "counted": len(self.counted),
                **{status.value: sum(case.status is status for case in self.cases) for status in EvaluationStatus},
            },
            "summary": {
                metric.value: {name: figures.as_dict() for name, figures in by_organ.items()}
                for metric, by_organ in self.summary().items()
            },
        }


def evaluate(
    pairs: Sequence[CasePair],
    settings: EvaluationSettings,
    *,
    unmatched: Sequence[str] = (),
    warnings: Sequence[str] = (),
    jobs: int | None = None,
    on_case: Callable[[CaseEvaluation], None] = lambda _: None,
    pool: Pool | None = None,
    share: Path | None = None,
) -> Evaluation:
    """Score all pairs.

    Args:
        pairs: The cases.
        settings: How they are scored.
        unmatched: Names of predictions without ground truth, for the record.
        warnings: Entries of the folders that are not used, for the record.
        jobs: Number of processes; None takes one a processor.
        on_case: Called in this process after each case, in the order in which they finish.
        pool: What does the work; processes of this machine where None.
        share: Folder for the scores of each case, where other processes, which are started likewise, score some of
            them; then this process scores one case after the other, and returns when all are done.

    Raises:
        UsageError: when the folder to share holds something else.
        InstallationError: when a process was killed from outside, most likely for its memory.
    """
    by_pair: dict[CasePair, CaseEvaluation] = {}
    if share is not None:
        for pair, result in SharedScores(share, settings).evaluations(pairs):
            by_pair[pair] = result
            on_case(result)
        return Evaluation(settings, tuple(by_pair[pair] for pair in pairs), tuple(unmatched), tuple(warnings))
    jobs = min(len(pairs), jobs or available_processors())
    with Workers(jobs) as workers:
        for pair, result in (pool or workers).work_on(partial(evaluate_case, settings=settings), pairs):
            by_pair[pair] = result
            on_case(result)
    return Evaluation(settings, tuple(by_pair[pair] for pair in pairs), tuple(unmatched), tuple(warnings))
