"""The two tasks of a worker process: checking a pair, and storing its arrays."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.datasets.checks import PairReport, check_pair
from flarecli.datasets.findings import Finding
from flarecli.datasets.labelled_scan import read_labelled_scan
from flarecli.datasets.organ_values import OrganValues
from flarecli.datasets.pairs import LabelledPair
from flarecli.errors import InputError, OutputError, error_of
from flarecli.hardware.memory import peak_rss_mb
from flarecli.preprocessing.by_system import training_arrays_of
from flarecli.preprocessing.cache import HU_COUNTS_NAME
from flarecli.preprocessing.cache_writer import write_case
from flarecli.preprocessing.sources import Source, SourceState
from flarecli.volume.at_hand import images_at_hand


@dataclass(frozen=True)
class CheckedPair:
    """A pair that was checked.

    Attributes:
        report: What was found.
        sources: Scan and label map as they were then; None where the pair has faults.
        seconds: How long it took.
    """

    report: PairReport
    sources: tuple[Source, Source] | None
    seconds: float


@dataclass(frozen=True)
class CheckTask:
    """Checks a pair.

    Attributes:
        values: What the values of label maps mean.
        ignore_geometry: Whether scan and label map may lie at different places in the world.
    """

    values: OrganValues
    ignore_geometry: bool

    def __call__(self, pair: LabelledPair) -> CheckedPair:
        """Check it; nothing is raised for a bad pair."""
        started = time.perf_counter()
        sources = None
        try:
            with images_at_hand(pair.scan, pair.labels):
                report = check_pair(pair, self.values, ignore_geometry=self.ignore_geometry)
                if not report.faults and pair.scan is not None and pair.labels is not None:
                    sources = Source.of(pair.scan), Source.of(pair.labels)
        except Exception as error:
            report = PairReport(pair, (Finding.of_error("files", error_of(error, pair.scan)),))
        return CheckedPair(report, sources, time.perf_counter() - started)


@dataclass(frozen=True)
class WriteTask:
    """Stores the arrays of a sound pair.

    Attributes:
        cache: Folder of the cache.
        system: Name of the system.
        values: What the values of label maps mean.
        ignore_geometry: Whether scan and label map may lie at different places in the world.
    """

    cache: Path
    system: str
    values: OrganValues
    ignore_geometry: bool

    def __call__(self, keyed: tuple[CheckedPair, str]) -> tuple[Finding | None, float]:
        """Store it under its key; returns the fault that came up, if one did, and how long it took.

        Raises:
            OutputError: when the cache cannot be written to: that concerns every case.
        """
        checked, key = keyed
        started = time.perf_counter()
        pair = checked.report.pair
        try:
            self._write(checked, key, started)
        except OutputError:
            raise
        except Exception as error:
            return Finding.of_error("files", error_of(error, pair.scan)), time.perf_counter() - started
        return None, time.perf_counter() - started

    def _write(self, checked: CheckedPair, key: str, started: float) -> None:
        report, sources = checked.report, checked.sources
        with images_at_hand(report.pair.scan, report.pair.labels):
            scan = read_labelled_scan(report.pair, self.values, ignore_geometry=self.ignore_geometry)
            states = [SourceState.of(path) for path in (report.pair.scan, report.pair.labels) if path is not None]
        arrays = training_arrays_of(self.system).prepare(scan.volume, scan.labels)
        for source, state in zip(sources or (), states, strict=False):
            if state != source.state:
                raise InputError(
                    "changed while it was being read", path=source.state.path, remedy="Run the command again."
                )
        record: dict[str, Any] = {
            "key": key,
            "sources": [source.as_dict() for source in sources or ()],
            "findings": [finding.as_dict() for finding in report.findings],
            "figures": report.figures,
            "seconds": {"check": round(checked.seconds, 3), "prepare": round(time.perf_counter() - started, 3)},
            "peak_rss_mb": round(peak_rss_mb(), 1),
        }
        tables = {} if report.hu_counts is None else {HU_COUNTS_NAME: report.hu_counts}
        write_case(self.cache, report.pair.name, arrays, record, tables)
