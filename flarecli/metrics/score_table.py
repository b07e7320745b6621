"""Score tables as files: one row per case, columns named as the FLARE challenges name them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flarecli.errors import InputError
from flarecli.files.atomic import atomic_text
from flarecli.files.names import case_name
from flarecli.files.printable import table_cell, text_of_cell
from flarecli.files.sources import opened
from flarecli.metrics.evaluation import Evaluation
from flarecli.metrics.protocol import nsd_name

_MOST_BYTES = 64 << 20
_GREATEST_NUMBER = 1e12  # of a score, a distance in mm, a volume in mL, a time in s or a memory in MB

NAME_COLUMN = "Name"
STATUS_COLUMN = "Status"

_COLUMN_PATTERNS = (
    re.compile(
        r"(?P<metric>DSC|NSD-(?P<tolerance_mm>\d+\.?\d*(e[+-]?\d+)?)mm|HD95-mm|ASSD-mm|VolumeDifference-mL)"
        r"_(?P<organ>\w+)"
    ),
    re.compile(r"(?P<organ>\w+)_(?P<metric>DSC|NSD)"),
)
"""Former versions wrote some tolerances with an exponent: `NSD-1e-05mm`."""

_SCORE_LIKE = re.compile(r"((DSC|NSD|HD95|ASSD|VolumeDifference)([-_].*)?|.*_(DSC|NSD))")
"""What must be one of these columns: else a score would be left out without a word."""


@dataclass(frozen=True)
class ScoreTable:
    """A score table as read from a file.

    Attributes:
        name: What the table is called.
        scores: For each metric as the columns name it (`DSC`, `NSD-1mm`) and each organ (its label or name)
            the scores by case; NaN where the table has none.
        cases: Case names without suffix, in the file's order.
    """

    name: str
    cases: tuple[str, ...]
    scores: dict[str, dict[str, NDArray[np.float64]]]

    def mean_over_organs(self, metric: str) -> dict[str, float]:
        """Mean score of each case over the organs."""
        means = np.mean(list(self.scores[metric].values()), axis=0)
        return dict(zip(self.cases, means.tolist(), strict=True))

    def metric_named(self, stem: str) -> str:
        """The only metric whose name starts with `stem` (`NSD` for `NSD-1mm`).

        Raises:
            InputError: when there is none, or several.
        """
        found = [metric for metric in self.scores if metric.split("-")[0] == stem]
        if len(found) != 1:
            raise InputError(
                f"has no single {stem} for all organs",
                path=self.name,
                seen=", ".join(self.scores),
                expected=f"one {stem}, at one tolerance",
                remedy="Write the table with `flare evaluate --csv`, at one tolerance.",
            )
        return found[0]


def write_score_table(destination: Path, evaluation: Evaluation, *, replaces: bool = True) -> None:
    """Write one row per case as CSV, atomically and in full precision.

    A literal evaluation gives the challenge's table to the letter; otherwise a column `Status` stands last.
    Cells of failed cases are empty, infinite distances are `inf`. Names of cases that a spreadsheet would take for
    formulas get an apostrophe before them, except in the challenge's table.

    Args:
        destination: The file.
        evaluation: The scores.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: as `flarecli.files.atomic.atomic_path` does.
    """
    settings = evaluation.settings
    columns = settings.protocol.columns(settings.metrics)
    places = {organ.label: place for place, organ in enumerate(settings.protocol.organs)}
    with atomic_text(destination, replaces=replaces) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([NAME_COLUMN, *columns, *([] if settings.literal else [STATUS_COLUMN])])
        for case in evaluation.cases:
            cells = [
                _cell(case.scores[metric][places[organ.label]]) if case.scores else ""
                for metric, organ in columns.values()
            ]
            name = case.name if settings.literal else table_cell(case.name)
            writer.writerow([name, *cells, *([] if settings.literal else [case.status.value])])


def read_score_table(path: Path, name: str | None = None) -> ScoreTable:
    """Read a score table: of this command, or of the FLARE scripts.

    Args:
        path: The CSV file.
        name: What to call it; None takes the file's name without suffix.

    Raises:
        InputError: when the file cannot be read or is no such table.
    """
    rows = read_csv_rows(path)
    header = list(rows[0])
    if NAME_COLUMN not in header:
        raise _no_table(path, header)
    scores: dict[str, dict[str, NDArray[np.float64]]] = {}
    for column in header:
        found = _score_of(column, path)
        if found is not None:
            metric, organ = found
            if organ in scores.setdefault(metric, {}):
                raise InputError(
                    "has two columns of one score",
                    path=path,
                    seen=f"{metric} of {organ}, once more in {column}",
                    expected="each score once",
                    remedy="Remove one of the columns.",
                )
            scores[metric][organ] = np.array([number_in(row[column], path, column) for row in rows])
    if not scores:
        raise _no_table(path, header)
    return ScoreTable(name or path.stem, cases_in(rows, NAME_COLUMN, path), scores)


def _score_of(column: str, path: Path) -> tuple[str, str] | None:
    """Metric and organ of a column, the tolerance of the NSD in its usual form; None where it holds something else.

    Raises:
        InputError: when its name begins or ends like that of a score, and is none.
    """
    for pattern in _COLUMN_PATTERNS:
        if match := pattern.fullmatch(column):
            parts = match.groupdict()
            tolerance = parts.get("tolerance_mm")
            return parts["metric"] if tolerance is None else nsd_name(float(tolerance)), parts["organ"]
    if not _SCORE_LIKE.fullmatch(column):
        return None
    raise InputError(
        "has a column that looks like a score and cannot be read as one",
        path=path,
        seen=column,
        expected="columns such as DSC_1, NSD-1mm_1 or Liver_DSC",
        remedy="Name the column so, or remove it.",
    )


def cases_in(rows: Sequence[Mapping[str, str]], column: str, path: Path) -> tuple[str, ...]:
    """The case of each row.

    Args:
        rows: The rows of a table.
        column: The column with the names of the cases.
        path: The table, for messages.

    Raises:
        InputError: when two rows are of one case.
    """
    cases = tuple(case_name(text_of_cell(row[column])) for row in rows)
    if len(set(cases)) < len(cases):
        raise InputError(
            "names a case twice",
            path=path,
            seen=max(cases, key=cases.count),
            expected="one row per case",
            remedy="Remove the double row.",
        )
    return cases


def read_csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file under their column names.

    Raises:
        InputError: when the file cannot be read, has no rows, or a row of another length.
    """
    with opened(path) as file:
        content = file.read(_MOST_BYTES + 1)
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES >> 20} MiB")
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), restkey="", restval=None)
        rows = list(reader)
    except (ValueError, csv.Error) as error:
        raise InputError(
            "cannot be read as a table", path=path, seen=error, remedy="Give a CSV file in UTF-8, split by commas."
        ) from error
    header = reader.fieldnames or []
    if len(set(header)) < len(header):
        raise InputError(
            "has two columns of one name",
            path=path,
            seen=max(header, key=header.count),
            expected="each column once",
            remedy="The table is damaged: write it again.",
        )
    if not rows:
        raise InputError(
            "holds no rows", path=path, expected="a header and one row per case", remedy="Give a score table."
        )
    for number, row in enumerate(rows, start=2):
        if "" in row or None in row.values():
            raise InputError(
                f"line {number} has another number of cells than the header",
                path=path,
                remedy="The table is damaged: write it again.",
            )
    return rows


def number_in(cell: str, path: Path, column: str) -> float:
    """The number in a cell of a table; NaN where it is empty.

    Raises:
        InputError: when the cell holds something else.
    """
    try:
        number = float(cell) if cell.strip() else math.nan
    except ValueError:
        number = None
    if number is None or "_" in cell or (math.isfinite(number) and abs(number) > _GREATEST_NUMBER):
        raise InputError(
            f"column {column} holds something other than numbers",
            path=path,
            seen=repr(cell[:40]),
            expected="a number or an empty cell",
            remedy="Write the table again.",
        )
    return number


def _cell(score: float) -> str:
    return "" if math.isnan(score) else repr(score)


def _no_table(path: Path, header: list[str]) -> InputError:
    return InputError(
        "is not a score table",
        path=path,
        seen=f"columns {', '.join(header)}",
        expected="Name, and columns such as DSC_1, NSD-1mm_1 or Liver_DSC",
        remedy="Write one with `flare evaluate PRED GT --csv`.",
    )
