"""From scan files to label-map files: one case, or many with one set of loaded networks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.atomic import write_json
from flarecli.cases import Case
from flarecli.engine import Runtime, load_network, start_runtime
from flarecli.errors import FlareError, InputError, UnexpectedError
from flarecli.geometry import world_box
from flarecli.organs import ORGANS
from flarecli.record import is_complete, make_record
from flarecli.statistics import OrganStatistics, organ_statistics
from flarecli.steps import Steps
from flarecli.systems import system_named
from flarecli.systems.base import Network, RegionRequest
from flarecli.volume import Volume, read_volume, write_labels
from flarecli.weights.card import Card, read_card
from flarecli.weights.store import resolve_weights


@dataclass(frozen=True)
class EngineRequest:
    """What the user asked of the engine; see `flarecli.engine.start_runtime`."""

    backend: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class Extras:
    """What to write besides the label map and its record.

    Attributes:
        split: Whether to write one mask file an organ, too.
        preview: Picture file for a case, where one is wanted.
    """

    split: bool = False
    preview: Callable[[Case], Path] | None = None


@dataclass(frozen=True)
class Outcome:
    """How one case ended.

    Attributes:
        case: The case.
        status: "done", "skipped" (complete already) or "failed".
        record: Its record, where it is done, now or by an earlier run.
        statistics: What its organs measure, likewise.
        error: What went wrong, where it failed.
    """

    case: Case
    status: str
    record: Mapping[str, Any] | None = None
    statistics: tuple[OrganStatistics, ...] = ()
    error: FlareError | None = None


@dataclass
class Predictor:
    """A system with its networks loaded, ready for scan after scan.

    Weights are looked up at once, so that a wrong choice is known before anything is computed; backend and networks
    are loaded by a background thread meanwhile the first scan is read.

    Args:
        system: Name of the system.
        weights: Choices of weights; see `flarecli.weights.store.resolve_weights`.
        engine: Backend, device, precision, threads.
        region: Which part of each scan to segment: a mode, or a box as (x0, y0, z0, x1, y1, z1) in world mm.

    Raises:
        UsageError: for an unknown system or network.
        InputError: for weights that are not there.
    """

    system: str
    weights: Iterable[str] = ()
    engine: EngineRequest = field(default_factory=EngineRequest)
    region: str | tuple[float, ...] = "auto"

    def __post_init__(self) -> None:
        self._system = system_named(self.system)
        keys = [spec.key for spec in self._system.networks]
        self._paths = resolve_weights(self._system.name, keys, self.weights)
        self.cards: dict[str, Card] = {key: read_card(path) for key, path in self._paths.items()}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flare-load")
        self._loaded: Future[tuple[Runtime, dict[str, Network]]] = self._pool.submit(self._load)
        self._pool.shutdown(wait=False)

    def _load(self) -> tuple[Runtime, dict[str, Network]]:
        runtime = start_runtime(self.engine.backend, self.engine.device, self.engine.precision, self.engine.threads)
        networks = {
            spec.key: load_network(spec.build, self._paths[spec.key], runtime, spec.output)
            for spec in self._system.networks
        }
        return runtime, networks

    def predict(self, case: Case, volume: Volume, extras: Extras, steps: Steps) -> Outcome:
        """Segment one scan and write its label map, extras and, last, its record.

        Raises:
            FlareError: when the scan cannot be segmented or a file cannot be written.
        """
        with steps("load"):
            runtime, networks = self._loaded.result()
        region = self._region_of(volume)
        segmentation = self._system.segment(volume, networks, region, steps)
        with steps("write"):
            write_labels(case.labels, segmentation.labels, volume)
            if extras.split:
                for organ in ORGANS:
                    mask = (segmentation.labels == organ.label).astype(np.uint8)
                    write_labels(case.organ_file(organ.name), mask, volume)
        with steps("describe"):
            statistics = organ_statistics(volume, segmentation.labels)
            if extras.preview is not None:
                from flarecli.preview import write_preview

                write_preview(extras.preview(case), volume, segmentation.labels, title=case.name)
        record = make_record(
            scan=case.scan,
            labels=case.labels,
            system=self._system.name,
            cards=self.cards,
            runtime=runtime,
            grid=volume.grid,
            segmentation=segmentation,
            statistics=statistics,
            warnings=(*volume.warnings, *segmentation.warnings),
            steps=steps.times,
        )
        write_json(case.record, record)
        return Outcome(case, "done", record, statistics)

    def _region_of(self, volume: Volume) -> RegionRequest:
        if isinstance(self.region, str):
            return RegionRequest(self.region)
        box = world_box(volume.grid, self.region[:3], self.region[3:])
        if any(
            end <= 0 or start >= extent
            for start, end, extent in zip(box.start_mm, box.end_mm, volume.grid.extent_mm, strict=True)
        ):
            raise InputError(
                "the region lies outside the scan",
                path=volume.path,
                seen=f"{', '.join(f'{value:g}' for value in self.region)} mm",
                remedy="Give --roi as x0,y0,z0,x1,y1,z1 in the scan's world coordinates (RAS, mm).",
            )
        return RegionRequest("box", box)


def predict_cases(
    predictor: Predictor,
    cases: Iterable[Case],
    *,
    extras: Extras,
    existing: str = "refuse",
    on_start: Callable[[Case], None] | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Iterator[Outcome]:
    """Work through cases; while one is segmented, the next one is read. A bad case fails alone.

    Args:
        predictor: The system, ready.
        cases: What to do.
        extras: What to write besides.
        existing: What to do where the label map exists: "refuse" (the case fails), "overwrite", or "resume" (skip
            what is complete, do the rest).
        on_start: Told of each case as it begins.
        on_step: Told of each step as it begins.
    """
    todo = list(cases)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="flare-read") as pool:
        ahead: Future[tuple[Volume, Steps]] | None = None
        for index, case in enumerate(todo):
            current, ahead = ahead, None
            refusal = _refusal(case, existing)
            if refusal is not None:
                yield refusal
                continue
            if on_start is not None:
                on_start(case)
            if current is None:
                current = pool.submit(_read, case, on_step)
            following = next((other for other in todo[index + 1 :] if _refusal(other, existing) is None), None)
            try:
                volume, steps = current.result()
                if following is not None and following is todo[index + 1]:
                    ahead = pool.submit(_read, following, None)
                steps.on_start = on_step
                yield predictor.predict(case, volume, extras, steps)
            except FlareError as error:
                yield Outcome(case, "failed", error=error)
            except Exception as error:
                yield Outcome(case, "failed", error=_unexpected(case, error))


def _unexpected(case: Case, cause: Exception) -> UnexpectedError:
    error = UnexpectedError(
        f"{type(cause).__name__} while the scan was segmented",
        path=case.scan,
        seen=cause,
        remedy="This is a defect of flare, or memory ran out: report it with the output of `--verbose`.",
    )
    error.__cause__ = cause
    return error


def _read(case: Case, on_step: Callable[[str], None] | None) -> tuple[Volume, Steps]:
    steps = Steps(on_step)
    with steps("read"):
        volume = read_volume(case.scan)
    return volume, steps


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
