"""The record beside every label map: what was done, with what, how long it took, and what came out."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flarecli import __version__
from flarecli.engine import Runtime
from flarecli.geometry import Box, Grid
from flarecli.hardware.memory import peak_rss_mb
from flarecli.measures.statistics import OrganStatistics
from flarecli.measures.verdict import OrganConfidence
from flarecli.organs import LABEL_NAMES
from flarecli.steps import StepTime
from flarecli.systems.base import Segmentation
from flarecli.weights.card import Card, sha256_of

RECORD_VERSION = 1


def make_record(
    *,
    scan: Path,
    labels: Path,
    system: str,
    cards: Mapping[str, Card],
    runtime: Runtime,
    grid: Grid,
    segmentation: Segmentation,
    statistics: Iterable[OrganStatistics],
    confidence: Iterable[OrganConfidence],
    warnings: Iterable[str],
    steps: Iterable[StepTime],
) -> dict[str, Any]:
    """Put a case's record together. The label map must be on disk already: its checksum goes in.

    `confidence` is empty for systems whose scores are not calibrated.
    """
    return {
        "record_version": RECORD_VERSION,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "scan": str(scan),
        "labels": {
            "file": labels.name,
            "sha256": sha256_of(labels),
            "names": {str(k): v for k, v in LABEL_NAMES.items()},
        },
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


def box_as_dict(box: Box) -> dict[str, list[float]]:
    """A box for JSON."""
    return {"start": [float(value) for value in box.start_mm], "end": [float(value) for value in box.end_mm]}


def is_complete(labels: Path, record: Path) -> bool:
    """Whether a case was finished: its record is there and names the label map's very content."""
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        return labels.is_file() and content["labels"]["sha256"] == sha256_of(labels)
    except (OSError, ValueError, KeyError, TypeError):
        return False
