"""Tables of running time and GPU memory by case, as `flare profile` and the FLARE challenges write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flarecli.errors import InputError
from flarecli.metrics.score_table import cases_in, number_in, read_csv_rows

_COLUMNS = {
    "name": ("name",),
    "time_s": ("time",),
    "gpu_memory_mb": ("gpu_memory", "gpu_mem", "maxgpu_mem"),
}
"""Columns in lower case. Source: FLARE21, FLARE22 and FLARE23 efficiency tables, in this order."""


@dataclass(frozen=True)
class EfficiencyTable:
    """Running time and GPU memory of one system by case.

    Attributes:
        time_s: Seconds by case name.
        gpu_memory_mb: Megabytes by case name.
    """

    time_s: dict[str, float]
    gpu_memory_mb: dict[str, float]


def read_efficiency_table(path: Path) -> EfficiencyTable:
    """Read a table of `flare profile --csv` or of the FLARE efficiency scripts.

    Raises:
        InputError: when the file cannot be read or lacks a column.
    """
    rows = read_csv_rows(path)
    by_lower_name = {column.lower(): column for column in rows[0]}
    columns = {}
    for wanted, spellings in _COLUMNS.items():
        found = [by_lower_name[spelling] for spelling in spellings if spelling in by_lower_name]
        if not found:
            raise InputError(
                f"has no column for {wanted}",
                path=path,
                seen=", ".join(rows[0]),
                expected=" or ".join(spellings),
                remedy="Write the table with `flare profile --csv`.",
            )
        columns[wanted] = found[0]
    names = cases_in(rows, columns["name"], path)
    time_s, memory_mb = (
        [number_in(row[columns[wanted]], path, columns[wanted]) for row in rows]
        for wanted in ("time_s", "gpu_memory_mb")
    )
    return EfficiencyTable(dict(zip(names, time_s, strict=True)), dict(zip(names, memory_mb, strict=True)))
