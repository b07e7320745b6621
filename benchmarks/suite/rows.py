"""The rows of all benchmarks, as a table and as JSON."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flarecli import __version__


@dataclass(frozen=True)
class Row:
    """One measured thing.

    Attributes:
        subject: Which benchmark it belongs to.
        name: What was measured.
        seconds: Median wall seconds; None where it could not be measured.
        cpu_s: Processor seconds of the process, all threads together.
        peak_mb: Peak resident memory of the process, MB (10^6 bytes).
        note: How, or why not.
        further: More figures for the JSON file.
    """

    subject: str
    name: str
    seconds: float | None = None
    cpu_s: float | None = None
    peak_mb: float | None = None
    note: str = ""
    further: dict[str, Any] = field(default_factory=dict)


def as_markdown(rows: Iterable[Row]) -> str:
    """One table for all rows."""
    lines = ["| benchmark | what | seconds | CPU s | peak MB | note |", "|---|---|---:|---:|---:|---|"]
    lines += [
        f"| {row.subject} | {row.name} | {_cell(row.seconds, 3)} | {_cell(row.cpu_s, 2)} | {_cell(row.peak_mb, 0)} "
        f"| {row.note} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def write_results(folder: Path, rows: list[Row], *, mode: str) -> None:
    """Write `bench.json` and `bench.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "flare": __version__,
        "mode": mode,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "processors": os.cpu_count(),
            "load_average": os.getloadavg(),
        },
        "rows": [asdict(row) for row in rows],
    }
    (folder / "bench.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / "bench.md").write_text(as_markdown(rows), encoding="utf-8")


def _cell(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
