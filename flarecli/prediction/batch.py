"""From scan files to label-map files: one case, or many with one set of loaded networks."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from flarecli.errors import FlareError, InputError, UnexpectedError
from flarecli.measures.statistics import OrganStatistics
from flarecli.prediction.cases import Case
from flarecli.prediction.outcome import Extras, Outcome
from flarecli.prediction.predictor import EngineRequest, Predictor
from flarecli.prediction.record import is_complete
from flarecli.steps import Steps
from flarecli.systems.base import Segmentation
from flarecli.volume import Volume, read_volume

__all__ = ["EngineRequest", "Extras", "Outcome", "Predictor", "predict_cases"]


def predict_cases(
    predictor: Predictor,
    cases: Iterable[Case],
    *,
    extras: Extras,
    existing: str = "refuse",
    on_start: Callable[[Case], None] | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Generator[Outcome, None, None]:
    """Work through cases; while one is segmented, the next is read and the last one written. A bad case fails alone.

    At most three scans are in memory at a time.

    Args:
        predictor: The system, ready.
        cases: What to do.
        extras: What to write besides.
        existing: What to do where the label map exists: "refuse" (the case fails), "overwrite", or "resume" (skip
            what is complete, do the rest).
        on_start: Told of each case as it begins.
        on_step: Told of each step as it begins.

    Yields:
        The outcome of each case, in their order.
    """
    todo = list(cases)
    with (
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="flare-read") as reading,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="flare-write") as writing,
    ):
        ahead: Future[_Read] | None = None
        behind: Future[Outcome] | None = None
        for index, case in enumerate(todo):
            current, ahead = ahead, None
            result: _Segmented | Outcome | None = _refusal(case, existing)
            if result is None:
                if on_start is not None:
                    on_start(case)
                if current is None:
                    current = reading.submit(_read, case, on_step)
                following = todo[index + 1] if index + 1 < len(todo) else None
                if following is not None and _refusal(following, existing) is None:
                    ahead = reading.submit(_read, following, None)
                result = _segment(predictor, case, current, on_step)
                del current
            if behind is not None:
                yield behind.result()
                behind = None
            if isinstance(result, Outcome):
                yield result
            else:
                behind = writing.submit(_finish, predictor, result, extras)
            del result
        if behind is not None:
            yield behind.result()


@dataclass(frozen=True)
class _Read:
    volume: Volume
    steps: Steps


@dataclass(frozen=True)
class _Segmented:
    case: Case
    volume: Volume
    segmentation: Segmentation
    steps: Steps


def _read(case: Case, on_step: Callable[[str], None] | None) -> _Read:
    steps = Steps(on_step)
    with steps("read"):
        volume = read_volume(case.scan)
    return _Read(volume, steps)


def _segment(
    predictor: Predictor, case: Case, read: Future[_Read], on_step: Callable[[str], None] | None
) -> _Segmented | Outcome:
    try:
        scan = read.result()
        scan.steps.on_start = on_step
        return _Segmented(case, scan.volume, predictor.segment(scan.volume, scan.steps), scan.steps)
    except Exception as error:
        return _failed(case, error)


def _finish(predictor: Predictor, scan: _Segmented, extras: Extras) -> Outcome:
    try:
        return predictor.finish(scan.case, scan.volume, scan.segmentation, extras, scan.steps)
    except Exception as error:
        return _failed(scan.case, error)


def _failed(case: Case, cause: Exception) -> Outcome:
    if isinstance(cause, FlareError):
        return Outcome(case, "failed", error=cause)
    error = UnexpectedError(
        f"{type(cause).__name__} while the scan was segmented",
        path=case.scan,
        seen=cause,
        remedy="This is a defect of flare, or memory ran out: report it with the output of `--verbose`.",
    )
    error.__cause__ = cause
    return Outcome(case, "failed", error=error)


def _skipped(case: Case) -> Outcome:
    """The outcome of a case that an earlier run completed, with that run's findings."""
    record = json.loads(case.record.read_text(encoding="utf-8"))
    statistics = tuple(OrganStatistics.from_dict(facts) for facts in record["organs"].values())
    return Outcome(case, "skipped", record, statistics)


def _refusal(case: Case, existing: str) -> Outcome | None:
    """The outcome of a case that is not to be done, or None."""
    if existing == "overwrite" or not case.labels.exists():
        return None
    if existing == "resume":
        return _skipped(case) if is_complete(case.labels, case.record) else None
    error = InputError(
        "exists already",
        path=case.labels,
        remedy="Give --overwrite to replace it, or --resume to skip what is complete.",
    )
    return Outcome(case, "failed", error=error)
