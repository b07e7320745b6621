"""Datasets listed in a table: a scan and its label map in each row."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from flarecli.datasets.listed_paths import in_any_case, listed_file
from flarecli.datasets.pairs import Dataset, LabelledPair, absolute, with_unique_names
from flarecli.dicom import is_dicom_file
from flarecli.dicom.collection.choice import chosen_scan
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.errors import InputError
from flarecli.files.names import case_name, image_suffix
from flarecli.files.sources import exists, is_folder, opened

_COLUMNS = 2
_MOST_BYTES = 64 << 20
_SHOWN_CHARACTERS = 200
_WORDS_OF_HEADERS = frozenset(
    (
        *("scan", "scans", "image", "images", "img", "ct", "volume", "volumes"),
        *("label", "labels", "mask", "masks", "seg", "segmentation", "segmentations", "annotation", "annotations"),
        *("gt", "truth", "map", "maps", "file", "files", "path", "paths"),
    )
)


def read_pair_table(table: Path) -> Dataset:
    """Read the pairs of a table: first column scans (files or folders of DICOM slices), second label maps.

    Commas, semicolons or tabs separate the columns. Paths are relative to the table; see `listed_file`. A first row is
    taken for a header where no cell names a file or has the ending of an image, and every cell that folders beside the
    table are called by is a usual word of headers, or names a folder that cannot be one DICOM scan.

    Raises:
        InputError: when the table cannot be read, or a row has another number of columns.
    """
    with opened(table) as file:
        content = file.read(_MOST_BYTES + 1)
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES >> 20} MiB")
        text = content.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        rows = [[cell.strip() for cell in row] for row in reader]
    except (ValueError, csv.Error) as error:
        raise InputError(
            "cannot be read as a table",
            path=table,
            seen=error,
            expected="UTF-8 text, two columns",
            remedy="Save the table as UTF-8 text, columns split by commas.",
        ) from error
    rows = [row for row in rows if any(row)]
    if rows and _is_header(rows[0], table.parent):
        rows = rows[1:]
    pairs = [_pair(row, number, table) for number, row in enumerate(rows, start=1)]
    return Dataset(table, "CSV", with_unique_names(pairs, table))


def _pair(row: list[str], number: int, table: Path) -> LabelledPair:
    if len(row) != _COLUMNS or not row[0]:
        raise InputError(
            "a row of the table is not a pair",
            path=table,
            seen=f"entry {number}: {row}"[:_SHOWN_CHARACTERS],
            expected="two columns: scan, labels",
            remedy="Write one scan and its label map in each row.",
        )
    scan, notes = listed_file(table.parent, row[0], table)
    if not row[1]:
        return LabelledPair(case_name(absolute(scan)), scan, None, notes)
    labels, more_notes = listed_file(table.parent, row[1], table)
    return LabelledPair(case_name(absolute(scan)), scan, labels, (*notes, *more_notes))


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _is_header(row: list[str], folder: Path) -> bool:
    """Whether the first row names the columns; folders beside the table may be called as these are."""
    paths = {cell: in_any_case(folder, cell.replace("\\", "/")) for cell in row if cell}
    folders = {cell for cell, path in paths.items() if is_folder(path)}
    if any(image_suffix(cell) or (exists(path) and cell not in folders) for cell, path in paths.items()):
        return False
    if not folders:
        return True
    return all(_is_usual(cell) or (cell in folders and not _may_be_scan(paths[cell])) for cell in row)


def _is_usual(cell: str) -> bool:
    """Whether a cell is what headers usually say."""
    words = re.findall(r"[a-z]+", cell.lower())
    return bool(words) and _WORDS_OF_HEADERS.issuperset(words)


def _may_be_scan(folder: Path) -> bool:
    """Whether a folder holds slices, or folders below it a single DICOM series."""
    try:
        found = chosen_scan(folder)
        return isinstance(found, SeriesFiles) or any(is_dicom_file(entry) for entry in folder.iterdir())
    except (InputError, OSError):
        return False
