"""The cases of a folder of results: every record and label map in it, and the scans that have none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flarecli.addresses import shown
from flarecli.counts import counted
from flarecli.datasets.organ_masks import is_organ_mask, stems_of_label_maps
from flarecli.errors import FlareError, InputError
from flarecli.files.names import (
    SCAN_SUFFIXES,
    SEGMENTATION_SUFFIX,
    check_name,
    image_stem,
    image_suffix,
    label_map_stem,
)
from flarecli.prediction.case import FAILURE_SUFFIX, Case
from flarecli.prediction.cases import find_cases
from flarecli.prediction.record import UnusableRecordError, is_foreign_json, read_record
from flarecli.prediction.sharing.failed_cases import failed_scan, is_failure_name, read_failure
from flarecli.report.anonymous_records import AnonymousRecords
from flarecli.report.cases import ReportCase, Status, case_of_record, is_plausible, scan_of_record
from flarecli.weights.card import sha256_of

_CHANGED = (
    "the label map was changed since its record: figures, verdicts, preview and further files are of the earlier one"
)

_GONE = "its label map is missing"


@dataclass(frozen=True)
class FoundResults:
    """What lies in a folder of results.

    Attributes:
        cases: One a scan, by name.
        foreign: Names of `.json` files that are not records.
    """

    cases: tuple[ReportCase, ...]
    foreign: tuple[str, ...] = ()


def results_in(
    folder: Path,
    *,
    previews: Path | None = None,
    scans: Path | None = None,
    on_record: Callable[[], None] = lambda: None,
) -> FoundResults:
    """Read every record of a folder, and compare each with the content of its label map; what cannot be read, and what
    was changed since, becomes a case that says so.

    Args:
        folder: What `flare predict` wrote.
        previews: Where the previews lie, if not in the folder.
        scans: The scans; those without a result are listed as missing.
        on_record: Called as each record has been read.

    Raises:
        InputError: when a folder cannot be read, or there is nothing of `flare predict` in it.
    """
    names = _names_in(folder)
    expected = [] if scans is None else find_cases(scans, folder)
    places = [folder] if previews is None else [previews, folder]
    if previews is not None:
        _names_in(previews)
    cases: dict[str, ReportCase] = {}
    described: set[str] = set()
    series: set[object] = set()
    anonymous = AnonymousRecords()
    gone: dict[str, str] = {}
    foreign = []
    for name in sorted(name for name in names if name.endswith(".json")):
        path = folder / name
        if is_failure_name(path):
            stem = name.removesuffix(FAILURE_SUFFIX)
            if f"{stem}.json" not in names:
                cases[stem] = _failed(path, stem)
            on_record()
            continue
        stem = name.removesuffix(".json")
        try:
            record = read_record(path)
        except UnusableRecordError as error:
            if is_foreign_json(path) or not _is_of_a_label_map(stem, names):
                foreign.append(name)
            else:
                cases[stem] = _unreadable(path, f"its record {error}", _label_map(stem, names), places)
        else:
            case = _case_of(record, path, places)
            cases[stem] = case
            series.add(record.get("series"))
            anonymous.add(stem, record)
            if case.problem == _GONE:
                gone[stem] = record["labels"]["sha256"]
            described.update(file.name for file in (case.labels, *case.further) if file is not None)
        on_record()
    stems = stems_of_label_maps(names)
    for name in sorted(names):
        if not image_suffix(name) or name in described or _is_failed(image_stem(name), cases):
            continue
        stem = image_stem(name)
        if stem not in cases and not is_organ_mask(stem, stems):
            cases[stem] = _unreadable(folder / f"{stem}.json", "its record is missing", name, places)
    if not cases:
        raise InputError(
            "holds no results of flare predict",
            path=folder,
            seen=counted(len(foreign), ".json file that is not a record", ".json files that are not records")
            if foreign
            else counted(len(names), "file"),
            expected="records (.json) beside label maps",
            remedy="Give the folder that flare predict wrote to.",
        )
    missing = [_missing(scan, cases) for scan in expected if not _has_result(scan, cases, series, anonymous)]
    return FoundResults((*_with_renamed_told(cases, gone), *missing), tuple(foreign))


def _has_result(scan: Case, stems: Container[str], series: Container[object], anonymous: AnonymousRecords) -> bool:
    """Whether a result of this scan lies in the folder; of DICOM series names are made from their UIDs."""
    stem = label_map_stem(scan.labels)
    if scan.series is not None and (stem in stems or scan.series.name in series):
        return True
    return (stem in stems and stem not in anonymous) or anonymous.are_of(scan)


def _missing(scan: Case, stems: Container[str]) -> ReportCase:
    """A scan without a result; called as its file is where the anonymous result of another one has its name."""
    problem = "no result in this folder" if scan.problem is None else sentence_of(scan.problem)
    case = without_result(scan, Status.MISSING, problem)
    return replace(case, name=scan.scan.name) if label_map_stem(scan.labels) in stems else case


def _with_renamed_told(cases: Mapping[str, ReportCase], gone: Mapping[str, str]) -> list[ReportCase]:
    """The cases; where a label map is gone and a file without a record has its content, that file is named.

    Args:
        cases: By name.
        gone: Checksums of the label maps that are gone, by name of the case.
    """
    others = {case.checksum: case.labels.name for case in cases.values() if case.labels and case.record is None}
    return [
        replace(case, problem=f"{_GONE} ({others[gone[name]]} has its content)") if gone.get(name) in others else case
        for name, case in cases.items()
    ]


def _names_in(folder: Path) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(
            "the folder cannot be read",
            path=folder,
            seen=error.strerror or str(error),
            expected="a folder that flare predict wrote to",
            remedy="Check the path and the permissions of the folder.",
        ) from error


def _case_of(record: dict[str, Any], path: Path, places: Sequence[Path]) -> ReportCase:
    labels = _inside(path.parent, record["labels"]["file"])
    if labels is None or label_map_stem(labels) != path.name.removesuffix(".json"):
        return _unreadable(path, "its record is of another label map", None, places)
    if not labels.is_file():
        return _unreadable(path, _GONE, None, places)
    if not is_plausible(record):
        return _unreadable(path, "its record holds figures that no scan has", labels.name, places)
    checksum = _checksum(labels)
    if checksum is None:
        return _unreadable(path, "its label map cannot be read", labels.name, places)
    further = further_files(record, path.parent)
    if checksum != record["labels"]["sha256"]:
        return ReportCase(
            label_map_stem(labels),
            Status.CHANGED,
            _CHANGED,
            labels,
            path,
            further=further,
            checksum=checksum,
            scan=scan_of_record(record),
        )
    preview = record["files"].get("preview")
    pictures = () if preview is None else (_inside(place, preview["file"]) for place in places)
    return case_of_record(
        record,
        name=label_map_stem(labels),
        labels=labels,
        record_path=path,
        preview=next((picture for picture in pictures if picture is not None and picture.is_file()), None),
        further=further,
    )


def _checksum(labels: Path) -> str | None:
    """SHA-256 of a label map; None where it cannot be read, or is a folder, FIFO or device."""
    try:
        return sha256_of(labels) if labels.is_file() else None
    except OSError:
        return None


def further_files(record: Mapping[str, Any], folder: Path) -> tuple[Path, ...]:
    """The files of a case that lie beside its label map, but its preview, as its record names them."""
    named = [file["file"] for key, file in record["files"].items() if file is not None and key != "preview"]
    return tuple(path for name in named if (path := _inside(folder, name)) is not None and path.is_file())


def _inside(folder: Path, name: str) -> Path | None:
    """The file that a record names; None where the name leads out of the folder, as in a record that was forged."""
    try:
        return folder / check_name(name, "file")
    except InputError:
        return None


def _label_map(stem: str, names: frozenset[str]) -> str | None:
    return next(
        (f"{stem}{suffix}" for suffix in (*SCAN_SUFFIXES, SEGMENTATION_SUFFIX) if f"{stem}{suffix}" in names), None
    )


def _is_of_a_label_map(stem: str, names: frozenset[str]) -> bool:
    return _label_map(stem, names) is not None


def _unreadable(record: Path, problem: str, labels: str | None, places: Sequence[Path]) -> ReportCase:
    """A case without a record that can be read; a preview of its name is taken for its own."""
    name = record.name.removesuffix(".json")
    pictures = (place / f"{name}.png" for place in places)
    path = None if labels is None else record.with_name(labels)
    return ReportCase(
        name,
        Status.UNREADABLE,
        problem,
        path,
        record if record.exists() else None,
        next((picture for picture in pictures if picture.is_file()), None),
        checksum=(None if path is None else _checksum(path)) or _stand_in(record),
    )


def without_result(case: Case, status: Status, problem: str) -> ReportCase:
    """A case of which there is a scan alone."""
    return ReportCase(case.name, status, problem, checksum=_stand_in(case.labels), scan=shown(case.scan))


def _is_failed(stem: str, cases: Mapping[str, ReportCase]) -> bool:
    return stem in cases and cases[stem].status is Status.FAILED


def _failed(path: Path, name: str) -> ReportCase:
    """A case of which a run that shared its work has written why it failed."""
    case = Case(name, path, path.with_name(f"{name}.nii.gz"))
    error = read_failure(case)
    problem = "it failed" if error is None else sentence_of(error)
    return ReportCase(
        name, Status.FAILED, problem, further=(path,), checksum=_stand_in(case.labels), scan=failed_scan(case)
    )


def _stand_in(path: Path) -> str:
    return hashlib.sha256(str(path.absolute()).encode("utf-8", "surrogateescape")).hexdigest()


def sentence_of(error: FlareError) -> str:
    """An error in one paragraph, without its path."""
    seen = "" if error.seen is None else f"; seen: {error.seen}"
    expected = "" if error.expected is None else f"; expected: {error.expected}"
    return f"{error.problem}{seen}{expected}. {error.remedy}"
