"""Whether the folders that `flare` keeps things in can be written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from flarecli.doctor.check_result import CheckResult, CheckVerdict
from flarecli.errors import UsageError
from flarecli.files.cache_folder import OFF, VARIABLE, cache_folder


def folder_checks() -> Iterator[CheckResult]:
    """The user's folder of weights, the cache, the folder for temporary files."""
    from flarecli.weights.store import user_root

    try:
        yield folder_check("weights folder", user_root(), "Set FLARE_WEIGHTS to a folder of yours.")
    except UsageError as error:
        yield CheckResult("weights folder", CheckVerdict.bad, error.problem, error.remedy)
    try:
        yield _cache_folder_check(cache_folder())
    except UsageError as error:
        yield CheckResult("cache folder", CheckVerdict.bad, error.problem, error.remedy)
    yield _temporary_folder_check()


def _cache_folder_check(cache: Path | None) -> CheckResult:
    subject = "cache folder"
    if cache is None:
        return CheckResult(subject, CheckVerdict.note, f"switched off by {VARIABLE}")
    remedy = f"Set {VARIABLE} to a folder of yours, or to '{OFF}'."
    result = folder_check(subject, cache, remedy)
    if result.verdict is CheckVerdict.good and _is_of_another_user(cache):
        seen = f"{cache} belongs to another user"
        return CheckResult(subject, CheckVerdict.warning, seen, remedy, result.facts)
    return result


def _temporary_folder_check() -> CheckResult:
    subject, remedy = "temporary folder", "Set TMPDIR to a folder of yours."
    try:
        folder = Path(tempfile.gettempdir())
    except OSError as error:  # none of those that Python tries can be written
        return CheckResult(subject, CheckVerdict.warning, error.strerror or str(error), remedy)
    return folder_check(subject, folder, remedy)


def _is_of_another_user(folder: Path) -> bool:
    try:
        return hasattr(os, "geteuid") and folder.stat().st_uid != os.geteuid()
    except OSError:
        return False  # not there yet


def folder_check(subject: str, folder: Path, remedy: str) -> CheckResult:
    """Whether a folder can be written, or made where there is none yet.

    Args:
        subject: What it is for.
        folder: The folder.
        remedy: What to do where it cannot.
    """
    try:
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    except OSError as error:  # a folder above may not be entered, or a name is too long
        reason = error.strerror or type(error).__name__
        seen = f"{folder} cannot be looked at: {reason}"
        return CheckResult(subject, CheckVerdict.warning, seen, remedy, {"path": str(folder), "exists": False})
    facts = {"path": str(folder), "exists": existing == folder}
    if not existing.is_dir():
        return CheckResult(subject, CheckVerdict.warning, f"{existing} is not a folder", remedy, facts)
    try:
        # Permissions do not show that a file system is full or read-only.
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(1))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return CheckResult(subject, CheckVerdict.warning, f"{folder} cannot be written: {reason}", remedy, facts)
    note = "" if existing == folder else " (not there yet)"
    return CheckResult(subject, CheckVerdict.good, f"{folder}{note}, {_free_gb(existing):.1f} GB free", facts=facts)


def _free_gb(folder: Path) -> float:
    usage = os.statvfs(folder)
    return usage.f_bavail * usage.f_frsize / 1e9
