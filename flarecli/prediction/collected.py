"""What a folder of results holds, read from its records: one case at a time, so that any number needs little memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.errors import FlareError, InputError
from flarecli.files.names import label_map_stem
from flarecli.prediction.cases import Case
from flarecli.prediction.record import UnusableRecordError, is_foreign_json, read_record
from flarecli.prediction.sharing.failed_cases import is_failure, read_failure

_RECORD, _FAILURE = ".json", ".failed.json"


@dataclass(frozen=True)
class CollectedCase:
    """A case of a folder of results.

    Attributes:
        name: What it is called: its files' path within the folder, without suffix.
        record: Its record; None where it failed.
        error: Why it failed, or why its record cannot be used.
    """

    name: str
    record: dict[str, Any] | None
    error: FlareError | None = None


def collected_cases(folder: Path) -> Iterator[CollectedCase]:
    """Read the records of a folder and of those below it, sorted by name within each folder.

    JSON files of other programs are passed over.

    Raises:
        InputError: when the folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise InputError(
            "the folder cannot be read",
            path=error.filename or folder,
            seen=error.strerror or str(error),
            remedy="Check the path and its permissions.",
        ) from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        present = set(names)
        for name in sorted(names):
            if name.startswith(".") or not name.endswith(_RECORD):
                continue
            path = Path(place, name)
            stem = name.removesuffix(_FAILURE if name.endswith(_FAILURE) else _RECORD)
            called = str(Path(place, stem).relative_to(folder))
            if name.endswith(_FAILURE) and not _is_of_a_scan_of_this_name(path):
                if f"{stem}{_RECORD}" not in present and (is_failure(path) or not is_foreign_json(path)):
                    yield CollectedCase(called, None, read_failure(Case(stem, path, path.with_name(f"{stem}.nii.gz"))))
                continue
            if is_foreign_json(path):
                continue
            try:
                record = read_record(path)
            except UnusableRecordError as error:
                yield CollectedCase(called, None, _unusable(path, error))
            else:
                yield CollectedCase(str(Path(called).with_name(label_map_stem(record["labels"]["file"]))), record)


def _is_of_a_scan_of_this_name(path: Path) -> bool:
    """Whether it is the record of a scan that itself is called `NAME.failed`."""
    try:
        labels = read_record(path)["labels"]["file"]
    except UnusableRecordError:
        return False
    return bool(label_map_stem(labels) == path.name.removesuffix(_RECORD))


def _unusable(path: Path, error: UnusableRecordError) -> InputError:
    return InputError(
        f"the record {error}",
        path=path,
        expected="a record of this version of flare",
        remedy="Segment the case again: flare predict --resume or --share.",
    )
