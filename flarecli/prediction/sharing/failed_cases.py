"""What is written of a case that failed where several processes share the work: why, so that none tries it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flarecli.addresses import shown
from flarecli.errors import Blame, FlareError, InputError, OutputError, error_from_dict
from flarecli.files.atomic import write_json
from flarecli.files.names import label_map_stem
from flarecli.files.sources import exists
from flarecli.prediction.case import FAILURE_SUFFIX, Case
from flarecli.prediction.record import UnusableRecordError, read_record, small_json

FAILURE_VERSION = 1


def write_failure(case: Case, error: FlareError, *, anonymous: bool = False) -> None:
    """Write why a case failed beside where its label map would be; with `anonymous` without the path of its scan.

    Raises:
        OutputError: when it cannot be written, or a file of this name is something else.
    """
    if exists(case.failure) and not is_failure(case.failure):
        raise _taken(case)
    scan = None if anonymous else shown(case.scan)
    facts: dict[str, Any] = {"failure_version": FAILURE_VERSION, "scan": scan, "error": error.as_dict()}
    write_json(case.failure, facts)


def is_failure(path: Path) -> bool:
    """Whether a file is a record of a failure."""
    try:
        return _tells_a_failure(small_json(path))
    except UnusableRecordError:
        return False


def is_failure_name(path: Path) -> bool:
    """Whether a file of this name is about a failure, not the record of a scan that itself is called `NAME.failed`."""
    if not path.name.endswith(FAILURE_SUFFIX):
        return False
    try:
        labels = read_record(path)["labels"]["file"]
    except UnusableRecordError:
        return True
    return bool(label_map_stem(labels) != path.stem)


def failed_scan(case: Case) -> str:
    """The scan of a case that failed, as it is written there; empty where nothing can be read."""
    try:
        scan = small_json(case.failure)["scan"]
    except (UnusableRecordError, LookupError, TypeError):
        return ""
    return scan if isinstance(scan, str) else ""


def read_failure(case: Case) -> FlareError | None:
    """Why a case failed; None where nothing is written of that. A file of this name that is something else is an error
    of the case, too."""
    try:
        facts = small_json(case.failure)
        return error_from_dict(facts["error"]) if _tells_a_failure(facts) else _taken(case)
    except UnusableRecordError:
        if not exists(case.failure):
            return None
    except (ValueError, LookupError, TypeError):
        pass
    return InputError(
        "failed in an earlier run, and the record of the failure is damaged",
        path=case.failure,
        remedy="Remove this file, or move it where it is something else, to have the case tried again.",
    )


def _tells_a_failure(content: Any) -> bool:
    return isinstance(content, dict) and "failure_version" in content


def _taken(case: Case) -> OutputError:
    return OutputError(
        "exists already and is no record of a failure",
        path=case.failure,
        seen=f"{case.failure.name} without failure_version",
        expected="no file of this name, or a record of a failure",
        remedy="Move this file, or give another folder for the output.",
        blame=Blame.INPUT,
    )
