"""Reading a DICOMDIR: the files of each series. Source: DICOM PS3.3 §F.3, PS3.10 §8."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flarecli.dicom.collection.holders import Holder
from flarecli.dicom.header import DamagedHeaderError
from flarecli.dicom.packages import pydicom_reader, without_validation
from flarecli.files.sources import check_memory

_PARSED_TIMES = 20
_FIRST_ROOT, _NEXT, _LOWER = (
    "OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity",
    "OffsetOfTheNextDirectoryRecord",
    "OffsetOfReferencedLowerLevelDirectoryEntity",
)


@dataclass(frozen=True)
class Reference:
    """A file that a DICOMDIR names.

    Attributes:
        file_id: Its path from the folder of the DICOMDIR, with `/`.
        series_uid: UID of its series; empty where it belongs to none.
        name: The file's name in the collection; None where it is missing.
    """

    file_id: str
    series_uid: str
    name: str | None


def references_of(holder: Holder, name: str) -> list[Reference]:
    """The files that a DICOMDIR names.

    Args:
        holder: The folder or archive with its files.
        name: Its name in it.

    Raises:
        DamagedHeaderError: when it cannot be parsed.
        InputError: when it cannot be read.
        InstallationError: when pydicom is not installed.
    """
    folder = name.rpartition("/")[0]
    with holder.opened(name) as (file, size):
        check_memory(_PARSED_TIMES * size, holder.path, "its DICOMDIR")
        content = file.read()
    reader = pydicom_reader(holder.path)
    try:
        with without_validation(holder.path):
            records = list(_records(reader.dcmread(io.BytesIO(content), force=True)))
    except Exception as error:  # pydicom raises errors of many types
        raise DamagedHeaderError(f"its DICOMDIR cannot be parsed ({type(error).__name__})") from error
    if not records:
        raise DamagedHeaderError("its DICOMDIR has no directory records")
    found = []
    for file_id, series_uid in records:
        parts = [part for part in file_id if part]
        leads_out = not parts or any(part in (".", "..") or set(part) & set("/\\:") for part in parts)
        path = "/".join(parts)
        found.append(Reference(path, series_uid, None if leads_out else holder.actual(folder, path)))
    return found


def _records(dataset: Any) -> Iterator[tuple[list[str], str]]:
    """File ID and series UID of each record that names a file."""
    items = list(dataset.get("DirectoryRecordSequence") or ())
    series_of = _series_by_offsets(dataset, {getattr(item, "seq_item_tell", None): item for item in items})
    latest = ""
    for item in items:
        if str(item.get("DirectoryRecordType", "")) == "SERIES":
            latest = str(item.get("SeriesInstanceUID", ""))
        value = item.get("ReferencedFileID")
        if value:
            parts = [value] if isinstance(value, str) else list(value)
            yield [str(part).strip() for part in parts], series_of.get(id(item), latest)


def _series_by_offsets(dataset: Any, items: Mapping[Any, Any]) -> dict[int, str]:
    """UID of the series above each record, by the record's identity; invalid offsets are ignored."""
    found: dict[int, str] = {}
    seen: set[int] = set()
    left = [(dataset.get(_FIRST_ROOT, 0), "")]
    while left:
        offset, series_uid = left.pop()
        item = items.get(offset)
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        left.append((item.get(_NEXT, 0), series_uid))
        if str(item.get("DirectoryRecordType", "")) == "SERIES":
            series_uid = str(item.get("SeriesInstanceUID", ""))
        found[id(item)] = series_uid
        left.append((item.get(_LOWER, 0), series_uid))
    return found


def referenced_files(references: list[Reference]) -> list[str]:
    """The names of the files that are there, sorted."""
    return sorted({reference.name for reference in references if reference.name is not None})


def missing_by_series(references: list[Reference]) -> dict[str, list[str]]:
    """The File IDs of missing files by the UID of their series."""
    missing: dict[str, list[str]] = {}
    for reference in references:
        if reference.name is None:
            missing.setdefault(reference.series_uid, []).append(reference.file_id)
    return missing
