"""A report as a table for programs: one row per case."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flarecli.addresses import shown
from flarecli.files.atomic import atomic_text
from flarecli.files.printable import table_cell
from flarecli.organs import ORGANS
from flarecli.report.cases import KIDNEY_NAMES, ReportCase

_OF_KIDNEYS = ("volume_ml", "mean_hu", "fused")
_OF_ORGANS = ("verdict", "volume_ml", "mean_hu", "estimated_dsc", "reasons", "outliers")
COLUMNS: tuple[str, ...] = (
    *("case", "status", "verdict", "problem"),
    *(f"{organ.name}_{part}" for organ in ORGANS for part in _OF_ORGANS),
    *(f"{name.replace(' ', '_')}_{part}" for name in KIDNEY_NAMES for part in _OF_KIDNEYS),
    *("warnings", "seconds", "peak_mb", "system", "weights", "engine", "version", "finished"),
    *("scan", "labels", "record", "preview"),
)
"""Columns of the table, in order."""


def row_of(case: ReportCase) -> dict[str, Any]:
    """One case under the names of `COLUMNS`; lists are joined with "; ", what does not exist is None."""
    row: dict[str, Any] = {
        "case": case.name,
        "status": str(case.status),
        "verdict": None if case.verdict is None else str(case.verdict),
        "problem": case.problem or None,
    }
    for place, organ in enumerate(ORGANS):
        facts = case.organs[place] if case.organs else None
        for part in _OF_ORGANS:
            value = None if facts is None else getattr(facts, part)
            row[f"{organ.name}_{part}"] = ("; ".join(value) or None) if isinstance(value, tuple) else value
    for place, name in enumerate(KIDNEY_NAMES):
        kidney = case.kidneys[place] if case.kidneys else None
        for part in _OF_KIDNEYS:
            row[f"{name.replace(' ', '_')}_{part}"] = None if kidney is None else getattr(kidney, part)
    row |= {
        "warnings": "; ".join(case.warnings) or None,
        "seconds": None if case.seconds is None else round(case.seconds, 2),
        **{name: getattr(case, name) or None for name in ("peak_mb", "system", "weights", "engine", "version")},
        **{name: getattr(case, name) or None for name in ("finished", "scan")},
    }
    paths = {name: getattr(case, name) for name in ("labels", "record", "preview")}
    return row | {name: None if path is None else shown(path) for name, path in paths.items()}


def write_table(destination: Path, cases: Iterable[ReportCase], *, replaces: bool = True) -> None:
    """Write the table as CSV, atomically; texts are written as `flarecli.files.printable.table_cell` does.

    Args:
        destination: The file; `-` is standard output.
        cases: The cases, in the order of the rows.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    with atomic_text(destination, replaces=replaces) as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for case in cases:
            cells = row_of(case)
            table.writerow({name: table_cell(cell) if isinstance(cell, str) else cell for name, cell in cells.items()})
