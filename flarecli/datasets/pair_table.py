"""Datasets listed in a table: a scan and its label map in each row."""

from __future__ import annotations

import csv
from pathlib import Path

from flarecli.datasets.pairs import Dataset, Pair, absolute, with_unique_names
from flarecli.errors import InputError
from flarecli.files.names import case_name, image_suffix

_COLUMNS = 2


def read_pair_table(table: Path) -> Dataset:
    """Read the pairs of a table: first column scans (files or folders of DICOM slices), second label maps.

    Commas, semicolons or tabs separate the columns. Paths are relative to the table. A first row in which nothing
    exists and nothing has the ending of an image is taken for a header.

    Raises:
        InputError: when the table cannot be read, or a row has another number of columns.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "cannot be read", path=table, seen=error, remedy="Save the table as UTF-8 text, columns split by commas."
        ) from error
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=_delimiter(text))]
    rows = [row for row in rows if any(row)]
    if rows and _is_header(rows[0], table.parent):
        rows = rows[1:]
    pairs = []
    for number, row in enumerate(rows, start=1):
        if len(row) != _COLUMNS or not row[0]:
            raise InputError(
                "a row of the table is no pair",
                path=table,
                seen=f"entry {number}: {row}",
                expected="two columns: scan, labels",
                remedy="Write one scan and its label map in each row.",
            )
        scan, labels = (table.parent / cell if cell else None for cell in row)
        pairs.append(Pair(case_name(absolute(table.parent / row[0])), scan, labels))
    return Dataset(table, "CSV", with_unique_names(pairs, table))


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _is_header(row: list[str], folder: Path) -> bool:
    return not any(image_suffix(cell) or (cell and (folder / cell).exists()) for cell in row)
