"""The record beside every label map: request, provenance, times and results."""

from __future__ import annotations

import datetime
import json
import platform
import stat
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flarecli import __version__
from flarecli.addresses import is_staged, shown
from flarecli.engine import Runtime
from flarecli.geometry import Box, Grid
from flarecli.hardware.memory import peak_rss_mb
from flarecli.measures.quality import OrganConfidence, OrganQuality
from flarecli.measures.statistics import OrganStatistics
from flarecli.organs import KIDNEYS, LABEL_NAMES, LEFT_KIDNEY, LEFT_KIDNEY_NAME, ORGANS, RIGHT_KIDNEY_NAME
from flarecli.prediction.scan_content import ScanContent
from flarecli.steps import StepTime
from flarecli.systems.base import Segmentation
from flarecli.weights.card import Card, sha256_of

RECORD_VERSION = 3

_MOST_BYTES = 1 << 22
_MARKS = ("record_version", "labels", "organs")
_FIRST_BYTES = 1 << 12
"""Of a damaged record: `record_version` is its first key."""


class UnusableRecordError(Exception):
    """A file is not a record, or none that says all that a later run needs; the text says why, after "its record"."""


def make_record(
    *,
    scan: Path | None,
    content: ScanContent,
    files: Mapping[str, Mapping[str, str] | None],
    names: Mapping[int, str],
    reference: str | None,
    asked: Mapping[str, Any],
    system: str,
    cards: Mapping[str, Card],
    runtime: Runtime,
    grid: Grid,
    segmentation: Segmentation,
    statistics: Iterable[OrganStatistics],
    confidence: Iterable[OrganConfidence],
    warnings: Iterable[str],
    steps: Iterable[StepTime],
    series: str | None = None,
) -> dict[str, Any]:
    """Put a case's record together.

    Args:
        scan: File or folder that was read; None in a record without what may identify the patient.
        content: What was read from it.
        files: The files by key, as `described_file` gives them; None for one that an absent organ does not have.
        names: What the values of the label map stand for.
        reference: Checksum of the DICOM series that a scan of another format was converted from, where one is named.
        asked: What the user asked of region and engine.
        system: Name of the system.
        cards: Cards of the weights, by network.
        runtime: What computed the networks.
        grid: The scan's canonical grid.
        segmentation: What the system found.
        statistics: What the organs measure.
        confidence: Verdicts.
        warnings: What the user must see.
        steps: What took how long.
        series: Name of the series where the scan holds several; see `flarecli.dicom.collection.SeriesFiles`.
    """
    return {
        "record_version": RECORD_VERSION,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "scan": None if scan is None else shown(scan),
        "series": series,
        "scan_content": content.as_dict(),
        "asked": dict(asked),
        "labels": {**(files["labels"] or {}), "names": {str(value): name for value, name in names.items()}},
        "files": {key: None if file is None else dict(file) for key, file in files.items() if key != "labels"},
        "reference": reference,
        "grid": {
            "shape_zyx": list(grid.shape_zyx),
            "spacing_mm_zyx": list(grid.spacing_mm),
        },
        "system": system,
        "weights": {
            network: {
                "set": card.set_name,
                "title": card.title,
                "licence": card.licence,
                "sha256": card.sha256,
            }
            for network, card in cards.items()
        },
        "runtime": runtime.as_dict(),
        "versions": {
            "flare": __version__,
            "python": platform.python_version(),
            "keras": version("keras"),
            "numpy": version("numpy"),
        },
        "region_mm_zyx": box_as_dict(segmentation.region_mm),
        "organs": {organ.name: organ.as_dict() for organ in statistics},
        "confidence": {organ.name: organ.as_dict() for organ in confidence},
        "warnings": list(warnings),
        "facts": dict(segmentation.facts),
        "steps": [
            {"name": step.name, "wall_s": round(step.wall_s, 4), "cpu_s": round(step.cpu_s, 4)} for step in steps
        ],
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }


def label_names(*, sides: bool) -> dict[int, str]:
    """What the values of a label map stand for, with one label for both kidneys or two."""
    return {**LABEL_NAMES, KIDNEYS: RIGHT_KIDNEY_NAME, LEFT_KIDNEY: LEFT_KIDNEY_NAME} if sides else LABEL_NAMES


def described_file(path: Path, written: Path) -> dict[str, str]:
    """Name and checksum of an output.

    Args:
        path: Its final path.
        written: Where it lies now.
    """
    return {"file": path.name, "sha256": sha256_of(written)}


def box_as_dict(box: Box) -> dict[str, list[float]]:
    """A box for JSON."""
    return {"start": [float(value) for value in box.start_mm], "end": [float(value) for value in box.end_mm]}


def read_record(path: Path) -> dict[str, Any]:
    """Read a record of this version, with everything that is shown of a case or compared by a later run.

    Raises:
        UnusableRecordError: when it is missing, damaged, or of another version.
    """
    content = small_json(path)
    if isinstance(content, dict) and content.get("record_version") not in (None, RECORD_VERSION):
        raise UnusableRecordError("is of another version of flare")
    if not _fits(content, _RECORD):
        raise UnusableRecordError("is damaged")
    record: dict[str, Any] = content
    return record


def is_foreign_json(path: Path) -> bool:
    """Whether a file is sound JSON of something else than `flare`, such as the facts that converters of DICOM write
    beside their scans, or a list of landmarks."""
    try:
        content = small_json(path)
    except UnusableRecordError:
        return False
    return bool(content) and not (isinstance(content, dict) and any(mark in content for mark in _MARKS))


def is_record_of(path: Path, labels: Path) -> bool:
    """Whether a file is the record of a label map of this name: of whatever version, also a damaged one.

    A file that cannot be read as JSON is a damaged record where it begins like one.
    """
    try:
        content = small_json(path)
    except UnusableRecordError:
        return _begins_like_a_record(path)
    if not isinstance(content, dict):
        return False
    described = content.get("labels")
    named = described.get("file") if isinstance(described, dict) else None
    return named == labels.name if isinstance(named, str) else "record_version" in content


def is_complete(labels: Path, record: Path) -> bool:
    """Whether a case was finished: its record is there and names the label map's very content."""
    try:
        return bool(read_record(record)["labels"]["sha256"] == sha256_of(labels))
    except (OSError, UnusableRecordError):
        return False


def small_json(path: Path) -> Any:
    """The content of a JSON file of at most 4 MiB.

    Raises:
        UnusableRecordError: when it is missing, too large, not a regular file, or not JSON.
    """
    if is_staged(path) and path.is_file():
        from flarecli.files.remote.reading import bring

        bring(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            raise UnusableRecordError("is damaged")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UnusableRecordError("is missing") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UnusableRecordError("is damaged") from error


def _begins_like_a_record(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return b'"record_version"' in file.read(_FIRST_BYTES)
    except OSError:
        return False


class _Each:
    """Of a JSON object: what each value must be, whatever its key."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


def _fits(value: Any, shape: Any) -> bool:
    """Whether a JSON value has a shape: a type, alternatives, or an object or list whose parts have shapes."""
    if isinstance(shape, tuple):
        return any(_fits(value, alternative) for alternative in shape)
    if isinstance(shape, _Each):
        return isinstance(value, dict) and all(_fits(part, shape.shape) for part in value.values())
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(key in value and _fits(value[key], part) for key, part in shape.items())
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(part, shape[0]) for part in value)
    if shape is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if isinstance(shape, type):
        return isinstance(value, shape) and not (shape is int and isinstance(value, bool))
    return bool(value == shape)


_MEASURED = (float, None)
_FILE = {"file": str, "sha256": str}
_ORGAN = {
    "label": int,
    "name": str,
    "voxels": int,
    "volume_ml": float,
    **dict.fromkeys(("mean_hu", "sd_hu", "median_hu"), _MEASURED),
    **dict.fromkeys(("extent_rl_mm", "extent_ap_mm", "extent_si_mm"), _MEASURED),
    **dict.fromkeys(("centroid_x_mm", "centroid_y_mm", "centroid_z_mm"), _MEASURED),
    "components": int,
    "largest_component_share": _MEASURED,
    "touches": [str],
    "fused": bool,
}
_RECORD = {
    "record_version": RECORD_VERSION,
    "scan_content": {"files": int, "bytes": int, "sha256": str},
    "asked": {"region": (str, [float])},
    "labels": {**_FILE, "names": _Each(str)},
    "files": _Each((_FILE, None)),
    "reference": (str, None),
    "system": str,
    "weights": _Each({"set": str, "sha256": str}),
    "runtime": {"backend": str, "version": str, "device": str, "precision": str, "threads": int},
    "versions": {"flare": str},
    "organs": dict.fromkeys((*(organ.name for organ in ORGANS), RIGHT_KIDNEY_NAME, LEFT_KIDNEY_NAME), _ORGAN),
    "confidence": _Each({"verdict": tuple(map(str, OrganQuality)), "reasons": [str]}),
    "warnings": [str],
    "steps": [{"name": str, "wall_s": float}],
    "peak_rss_mb": float,
}
