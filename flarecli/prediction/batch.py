"""From scan files to label-map files: one case, or many with one set of loaded networks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from flarecli.addresses import is_staged
from flarecli.errors import FlareError, UsageError
from flarecli.files.destinations import Destination
from flarecli.files.sources import exists
from flarecli.measures.statistics import OrganStatistics
from flarecli.prediction.anonymity import shown_error
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import Case
from flarecli.prediction.dicom.study import DicomStudy
from flarecli.prediction.failures import error_of_scan
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.outputs import RENEW, check_clashes, check_outputs
from flarecli.prediction.predictor import EngineRequest, Predictor
from flarecli.prediction.resume import CaseDiffersError
from flarecli.prediction.scan_content import ScanContent, WatchedScan
from flarecli.prediction.sharing.case_sources import CaseSource, ListedCases
from flarecli.prediction.sharing.shared_cases import SharedCases
from flarecli.steps import Steps
from flarecli.systems.base import Segmentation
from flarecli.volume import Volume, read_volume
from flarecli.volume.at_hand import images_at_hand

__all__ = [
    "CaseResult",
    "EngineRequest",
    "OutputOptions",
    "Predictor",
    "predict_cases",
    "predict_from",
    "predict_shared",
]


def predict_cases(
    predictor: Predictor,
    cases: Iterable[Case],
    *,
    extras: OutputOptions | None = None,
    existing: str = "refuse",
    tables: Iterable[Destination] = (),
    on_start: Callable[[Case], None] | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Generator[CaseResult, None, None]:
    """Work through cases; while one is segmented, the next is read and the last one written. A bad case fails alone.

    At most three scans are in memory at a time. All outputs are checked by this call itself, before anything is read.

    Args:
        predictor: The system, ready.
        cases: What to do.
        extras: Additional outputs; none where None.
        existing: What to do where files exist: "refuse" (the run), "overwrite", or "resume" (skip what is complete
            and was made just so, do the rest).
        tables: What the caller writes afterwards, to be checked with the rest.
        on_start: Called as the work on a case begins.
        on_step: Called as each step begins.

    Yields:
        The outcome of each case, in their order.

    Raises:
        UsageError, OutputError, InstallationError: as `flarecli.prediction.outputs.check_outputs` does, at once. The
            generator raises, before its first outcome, what `Predictor.load` raises.
    """
    todo = list(cases) if isinstance(cases, Iterable) and not isinstance(cases, str) else [cases]
    if not all(isinstance(case, Case) for case in todo):
        raise UsageError(
            "is not a list of cases",
            seen=", ".join(sorted({type(case).__name__ for case in todo})),
            expected="Case objects",
            remedy="Make them with flarecli.prediction.cases.find_cases, or Case(name, scan, labels).",
        )
    extras = OutputOptions() if extras is None else extras
    if not isinstance(extras, OutputOptions):
        raise UsageError(
            "is not an OutputOptions object",
            seen=repr(extras),
            expected="an OutputOptions object",
            remedy="Give OutputOptions(...), or None.",
        )
    check_outputs(todo, extras, existing, tables=tables, inputs=predictor.files)
    return _Run(predictor, ListedCases(todo), extras, existing, on_start, on_step).outcomes()


def predict_shared(
    predictor: Predictor,
    cases: Iterable[Case],
    *,
    extras: OutputOptions,
    verify: bool = False,
    on_start: Callable[[Case], None] | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Generator[CaseResult, None, None]:
    """Work through cases together with any number of other processes that are called likewise, on any host that has
    the same file system; see `flarecli.prediction.sharing.shared_cases`.

    Outputs are checked case by case; of a list also that no two are one file, by this call itself. Cases are taken from
    an iterator as they are worked on.

    Args:
        predictor: The system, ready.
        cases: The list that is shared, in the same order or another.
        extras: Additional outputs.
        verify: Whether what is done already is compared by checksums, as "resume" does it.
        on_start: Called as the work on a case begins.
        on_step: Called as each step begins.

    Yields:
        The outcome of each case that this process has worked on or found recorded as failed.

    Raises:
        UsageError: when two outputs of a list would be one file, at once. The generator raises, before its first
            outcome, what `Predictor.load` raises.
    """
    if isinstance(cases, Sequence):
        check_clashes(cases, extras)
    shared = SharedCases(predictor, cases, extras, verify=verify)
    return _Run(predictor, shared, extras, RENEW, on_start, on_step).outcomes()


def predict_from(
    predictor: Predictor,
    cases: CaseSource,
    extras: OutputOptions,
    existing: str,
    *,
    on_start: Callable[[Case], None] | None = None,
    on_step: Callable[[str], None] | None = None,
    on_written: Callable[[CaseResult], None] | None = None,
) -> Generator[CaseResult, None, None]:
    """Work through the cases of a source, whose outputs the caller has checked.

    Args:
        predictor: The system, ready.
        cases: Where the cases come from.
        extras: Additional outputs.
        existing: What to do where files exist: "refuse", "overwrite", "resume", or
            `flarecli.prediction.outputs.RENEW`. The caller has checked; they may have appeared since.
        on_start: Called as the work on a case begins.
        on_step: Called as each step begins.
        on_written: Called with an outcome, by the thread that writes, as soon as the files are there or failed to be:
            it is yielded only when the next scan is segmented.

    Yields:
        The outcome of each case, in their order.

    Raises:
        As `Predictor.load`, before the first outcome.
    """
    return _Run(predictor, cases, extras, existing, on_start, on_step, on_written).outcomes()


@dataclass(frozen=True)
class _Read:
    volume: Volume
    steps: Steps
    content: Future[ScanContent]
    redone: str | None
    study: DicomStudy | None


@dataclass(frozen=True)
class _Segmented:
    case: Case
    scan: _Read
    segmentation: Segmentation


@dataclass(frozen=True)
class _Run:
    predictor: Predictor
    cases: CaseSource
    extras: OutputOptions
    existing: str
    on_start: Callable[[Case], None] | None
    on_step: Callable[[str], None] | None
    on_written: Callable[[CaseResult], None] | None = None
    held: dict[Case, ExitStack] = field(default_factory=dict)
    """Of cases at work, what was brought here from servers."""

    def outcomes(self) -> Generator[CaseResult, None, None]:
        with (
            self.cases,
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="flare-read") as reading,
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="flare-checksum") as summing,
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="flare-write") as writing,
        ):
            ahead: tuple[Case, Future[_Read | CaseResult]] | None = None
            behind: Future[CaseResult] | None = None
            while True:
                if ahead is None and behind is not None:
                    yield self._ended(behind.result())
                    behind = None
                case = self.cases.next_case(idle=True) if ahead is None else ahead[0]
                if case is None:
                    return
                if self.on_start is not None:
                    self.on_start(case)
                current = reading.submit(self._read, case, self.on_step, summing) if ahead is None else ahead[1]
                following = self.cases.next_case(idle=False)
                ahead = None
                if following is not None:
                    ahead = (following, reading.submit(self._read, following, None, summing))
                result = self._segment(case, current)
                del current
                if behind is not None:
                    yield self._ended(behind.result())
                    behind = None
                if isinstance(result, CaseResult):
                    yield self._ended(result)
                else:
                    behind = writing.submit(self._finish, result)
                del result

    def _ended(self, outcome: CaseResult) -> CaseResult:
        if (held := self.held.pop(outcome.case, None)) is not None:
            held.close()
        self.cases.ended(outcome)
        return outcome

    def _error(self, cause: Exception, case: Case) -> FlareError:
        return shown_error(error_of_scan(cause, case.scan), anonymous=self.extras.anonymous)

    def _read(
        self, case: Case, on_step: Callable[[str], None] | None, summing: ThreadPoolExecutor
    ) -> _Read | CaseResult:
        if case.problem is not None:
            raise case.problem
        redone = None
        if self.existing == "resume" and (exists(case.labels) or exists(case.record)):
            try:
                record = self.predictor.completed(case, self.extras)
            except CaseDiffersError as error:
                redone = str(error)
            else:
                organs = tuple(OrganStatistics.from_dict(facts) for facts in record["organs"].values())
                return CaseResult(case, "skipped", record, organs)
        steps = Steps(on_step)
        etag = None
        if is_staged(case.scan):
            from flarecli.files.remote.reading import etag_of

            with steps("fetch"):
                etag = etag_of(case.scan)
                self.held.setdefault(case, ExitStack()).enter_context(images_at_hand(case.scan))
        with steps("read"):
            source = case.source()
            watched = WatchedScan(source, etag)
            volume = read_volume(source)
            study = self.extras.study_of(case, volume)
        return _Read(volume, steps, summing.submit(watched.content), redone, study)

    def _segment(self, case: Case, read: Future[_Read | CaseResult]) -> _Segmented | CaseResult:
        try:
            scan = read.result()
        except Exception as error:
            self.predictor.load(Steps())  # where networks cannot be loaded, that is the error, and ends the run
            return CaseResult(case, "failed", error=self._error(error, case))
        if isinstance(scan, CaseResult):
            return scan
        scan.steps.on_start = self.on_step
        self.predictor.load(scan.steps)
        try:
            return _Segmented(case, scan, self.predictor.segment(scan.volume, scan.steps))
        except Exception as error:
            return CaseResult(case, "failed", error=self._error(error, case), redone=scan.redone)

    def _finish(self, done: _Segmented) -> CaseResult:
        case, scan = done.case, done.scan
        try:
            outcome = self.predictor.finish(
                case,
                scan.volume,
                done.segmentation,
                self.extras,
                scan.steps,
                scan.content.result(),
                scan.study,
                existing=self.existing,
            )
        except Exception as error:
            outcome = CaseResult(case, "failed", error=self._error(error, case))
        outcome = replace(outcome, redone=scan.redone)
        if self.on_written is not None:
            self.on_written(outcome)
        return outcome
