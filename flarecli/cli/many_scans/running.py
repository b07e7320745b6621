"""Who works on the cases of `flare predict`: this process, one that it watches over, or workers of a scheduler."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flarecli.cluster.schedulers import Scheduler
    from flarecli.files.destinations import Destination
    from flarecli.prediction.case_result import CaseResult
    from flarecli.prediction.cases import Case
    from flarecli.prediction.predictor_facts import JudgesCases
    from flarecli.prediction.sharing.case_sources import CaseSource
    from flarecli.prediction.supervised.request import PredictionRequest


@dataclass(frozen=True)
class Run:
    """A run of `flare predict`.

    Attributes:
        request: How scans are to be segmented.
        cases: What is to be done.
        listed: The same, with what other processes do of the list.
        existing: What to do where files exist: "refuse", "overwrite" or "resume".
        share: Whether other processes work on the same cases.
        timeout_s: How long a case may take; None without a limit.
        scheduler: Where the work is done; in this process, or one beside it, where None.
        tables: What is written at the end.
        on_start: Called as the work on a case begins.
        on_step: Called as each step begins.
        tell: Called with what the user should know of a scheduler.
    """

    request: PredictionRequest
    cases: Sequence[Case]
    listed: Sequence[Case]
    existing: str
    share: bool
    timeout_s: float | None
    scheduler: Scheduler | None
    tables: Sequence[Destination]
    on_start: Callable[[Case], None]
    on_step: Callable[[str], None]
    tell: Callable[[str], None]

    def outcomes(self) -> Generator[CaseResult, None, None]:
        """The outcome of each case; closing the generator ends the run.

        Raises:
            FlareError: as `predict_cases` does; outputs are checked by this call itself.
        """
        from flarecli.prediction.outputs import check_clashes, check_outputs
        from flarecli.weights.selection import weighted_system

        chosen = weighted_system(self.request.system, self.request.weights)
        if self.share or len(self.listed) > len(self.cases):
            check_clashes(self.listed, self.request.extras, tables=self.tables)
        if not self.share:
            check_outputs(self.cases, self.request.extras, self.existing, tables=self.tables, inputs=chosen.files)
        if self.scheduler is not None:
            return self._by_workers(self.scheduler)
        return self._by_this_process() if self.timeout_s is None else self._by_another_process(self.timeout_s)

    def _by_this_process(self) -> Generator[CaseResult, None, None]:
        from flarecli.prediction.batch import predict_from

        predictor = self.request.predictor(keep_memory=len(self.cases) > 1)
        return predict_from(
            predictor,
            self._source(predictor),
            self.request.extras,
            self.request.existing,
            on_start=self.on_start,
            on_step=self.on_step,
        )

    def _by_another_process(self, timeout_s: float) -> Generator[CaseResult, None, None]:
        from flarecli.prediction.supervised.prediction_process import PredictionProcess

        with PredictionProcess(self.request, timeout_s) as process:
            yield from process.outcomes(self._source(process), on_start=self.on_start, on_step=self.on_step)

    def _by_workers(self, scheduler: Scheduler) -> Generator[CaseResult, None, None]:
        from flarecli.cluster.prediction import predict_on_cluster
        from flarecli.cluster.schedulers import connected

        engine = self.request.engine
        engine = replace(engine, threads=scheduler.threads(engine.threads))
        request = replace(self.request, engine=engine, folder=Path.cwd())
        with connected(scheduler, engine.threads) as client:
            self.tell(f"dashboard: {client.dashboard_link}")
            yield from predict_on_cluster(client, request, self.cases, timeout_s=self.timeout_s)

    def _source(self, predictor: JudgesCases) -> CaseSource:
        from flarecli.prediction.sharing.case_sources import ListedCases
        from flarecli.prediction.sharing.shared_cases import SharedCases

        if not self.share:
            return ListedCases(self.cases)
        return SharedCases(predictor, self.cases, self.request.extras, verify=self.existing == "resume")
