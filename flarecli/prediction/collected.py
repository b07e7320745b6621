"""What a folder of results holds, read from its records: one case at a time, so that any number needs little memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.errors import FlareError, InputError
from flarecli.files.names import label_map_stem
from flarecli.prediction.case import FAILURE_SUFFIX, Case
from flarecli.prediction.record import UnusableRecordError, is_foreign_json, read_record
from flarecli.prediction.sharing.failed_cases import is_failure, is_failure_name, read_failure
from flarecli.weights.card import sha256_of

_RECORD = ".json"
_PERMISSIONS = "Check the path and its permissions."


@dataclass(frozen=True)
class CollectedCase:
    """A case of a folder of results.

    Attributes:
        name: What it is called: its files' path within the folder, without suffix.
        record: Its record; None where it failed.
        error: Why it failed, or why its record cannot be used: it is damaged, or its label map was changed since.
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
            remedy=_PERMISSIONS,
        ) from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        present = set(names)
        for name in sorted(names):
            if name.startswith(".") or not name.endswith(_RECORD):
                continue
            path = Path(place, name)
            is_about_failure = is_failure_name(path)
            stem = name.removesuffix(FAILURE_SUFFIX if is_about_failure else _RECORD)
            called = str(Path(place, stem).relative_to(folder))
            if is_about_failure:
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
                labels = Path(record["labels"]["file"]).name
                wrong = _error_of(record, path.with_name(stem + labels.removeprefix(label_map_stem(labels))))
                called = str(Path(called).with_name(label_map_stem(labels) or stem))
                yield CollectedCase(called, None if wrong else record, wrong)


def _error_of(record: dict[str, Any], labels: Path) -> InputError | None:
    """What is wrong with the label map beside a record that can be read; one that lies elsewhere cannot be compared."""
    try:
        if not labels.is_file() or sha256_of(labels) == record["labels"]["sha256"]:
            return None
    except OSError as error:
        return InputError("the label map cannot be read", path=labels, seen=error.strerror, remedy=_PERMISSIONS)
    return InputError(
        "the label map was changed since its record",
        path=labels,
        expected="the label map whose figures the record holds",
        remedy="Measure the changed label map by itself, or segment the scan again with --overwrite.",
    )


def _unusable(path: Path, error: UnusableRecordError) -> InputError:
    return InputError(
        f"the record {error}",
        path=path,
        expected="a record of this version of flare",
        remedy="Segment the case again: flare predict --resume or --share.",
    )
