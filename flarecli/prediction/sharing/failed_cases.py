"""What is written of a case that failed where several processes share the work: why, so that none tries it again."""

from __future__ import annotations

import json
from typing import Any

from flarecli.addresses import shown
from flarecli.errors import FlareError, InputError, error_from_dict
from flarecli.files.atomic import write_json
from flarecli.prediction.cases import Case

FAILURE_VERSION = 1
_MOST_BYTES = 1 << 20


def write_failure(case: Case, error: FlareError, *, anonymous: bool = False) -> None:
    """Write why a case failed beside where its label map would be; with `anonymous` without the path of its scan.

    Raises:
        OutputError: when it cannot be written.
    """
    scan = None if anonymous else shown(case.scan)
    facts: dict[str, Any] = {"failure_version": FAILURE_VERSION, "scan": scan, "error": error.as_dict()}
    write_json(case.failure, facts)


def failed_scan(case: Case) -> str:
    """The scan of a case that failed, as it is written there; empty where nothing can be read."""
    try:
        if case.failure.stat().st_size > _MOST_BYTES:
            return ""
        scan = json.loads(case.failure.read_text(encoding="utf-8"))["scan"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""
    return scan if isinstance(scan, str) else ""


def read_failure(case: Case) -> FlareError | None:
    """Why a case failed; None where nothing is written of that."""
    try:
        if case.failure.stat().st_size > _MOST_BYTES:
            raise ValueError("too long")
        facts = json.loads(case.failure.read_text(encoding="utf-8"))
        return error_from_dict(facts["error"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return InputError(
            "failed in an earlier run, and the record of the failure is damaged",
            path=case.failure,
            remedy="Remove this file to have the case tried again.",
        )
