"""Whether the folders that `flare` keeps things in can be written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from flarecli.addresses import START
from flarecli.doctor.check_result import CheckResult, CheckVerdict


def folder_checks() -> Iterator[CheckResult]:
    """The user's folder of weights, the cache, the folder for temporary files."""
    from flarecli.files.cache_folder import VARIABLE, cache_folder
    from flarecli.weights.store import user_root

    yield _named_folder_check("weights folder", user_root(), "FLARE_WEIGHTS", "Set FLARE_WEIGHTS to a folder of yours.")
    cache = cache_folder()
    if cache is None:
        yield CheckResult("cache folder", CheckVerdict.note, f"switched off by {VARIABLE}")
    else:
        remedy = f"Set {VARIABLE} to a folder of yours, or to 'off'."
        result = _named_folder_check("cache folder", cache, VARIABLE, remedy)
        if result.verdict is CheckVerdict.good and _is_of_another_user(cache):
            result = CheckResult(
                "cache folder", CheckVerdict.warning, f"{cache} belongs to another user", remedy, result.facts
            )
        yield result
    yield _temporary_folder_check()


def _named_folder_check(subject: str, folder: Path, variable: str, remedy: str) -> CheckResult:
    """The check of a folder that an environment variable may name, with an address by mistake."""
    if START.match(os.environ.get(variable, "")):
        seen = f"{variable} is an address, which is taken for a folder here: {folder}"
        return CheckResult(subject, CheckVerdict.warning, seen, remedy, {"path": str(folder), "exists": False})
    return folder_check(subject, folder, remedy)


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
