"""All cases of a test set: scored in parallel, each failing alone, and gathered."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from flarecli.errors import InstallationError
from flarecli.hardware.processors import available_processors
from flarecli.metrics.case import CaseResult, CaseStatus, evaluate_case
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair
from flarecli.metrics.summary import Summary, summarize


@dataclass(frozen=True)
class Evaluation:
    """The scores of a set of cases.

    Attributes:
        settings: How they were scored.
        cases: One result a case, in the order of the pairs.
        unmatched: Names of predictions that have no ground truth; they are not scored.
    """

    settings: EvaluationSettings
    cases: tuple[CaseResult, ...]
    unmatched: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """Cases without prediction and cases that could not be scored."""
        return tuple(case for case in self.cases if case.status is not CaseStatus.SCORED)

    @property
    def counted(self) -> tuple[CaseResult, ...]:
        """Cases that enter the means: the scored ones, and the missing ones with the worst scores."""
        return tuple(case for case in self.cases if case.status is not CaseStatus.FAILED)

    @property
    def organ_names(self) -> tuple[str, ...]:
        """Names of the organs, in the order of the scores."""
        return tuple(organ.name for organ in self.settings.protocol.organs)

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
            "counts": {
                "counted": len(self.counted),
                **{status.value: sum(case.status is status for case in self.cases) for status in CaseStatus},
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
    jobs: int | None = None,
    on_case: Callable[[CaseResult], None] = lambda _: None,
) -> Evaluation:
    """Score all pairs.

    Args:
        pairs: The cases.
        settings: How they are scored.
        unmatched: Names of predictions without ground truth, for the record.
        jobs: Number of processes; None takes one a processor. Started afresh (`spawn`), so a script that
            calls this needs the usual `if __name__ == "__main__":`.
        on_case: Called in this process after each case, in the order in which they finish.

    Raises:
        InstallationError: when a process was killed from outside, most likely for its memory.
    """
    jobs = min(len(pairs), jobs or available_processors())
    if jobs <= 1:
        results = []
        for pair in pairs:
            results.append(evaluate_case(pair, settings))
            on_case(results[-1])
        return Evaluation(settings, tuple(results), tuple(unmatched))
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        futures: list[Future[CaseResult]] = [pool.submit(evaluate_case, pair, settings) for pair in pairs]
        for future in as_completed(futures):
            on_case(future.result())
        return Evaluation(settings, tuple(future.result() for future in futures), tuple(unmatched))
    except BrokenProcessPool as error:
        raise InstallationError(
            "a scoring process was ended from outside",
            seen=error,
            remedy="Most likely the memory ran out: use fewer processes (--jobs 1).",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
