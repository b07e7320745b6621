"""Files by the paths that a list gives them, also one that was written on another system."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PureWindowsPath

from flarecli.errors import InputError


def listed_file(folder: Path, text: object, source: Path) -> tuple[Path, tuple[str, ...]]:
    """The file or folder that a list means: as written, else with `/` for `\\`, else in other case of letters.

    Args:
        folder: What paths are relative to.
        text: The path, as the list has it.
        source: The list, for messages.

    Returns:
        The path, of the file that exists or of the last that was tried; and what the user should know about it.

    Raises:
        InputError: when `text` is no path.
    """
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise InputError(
            "lists something that is no path",
            path=source,
            seen=ascii(text)[:80],
            expected="paths of files",
            remedy="Correct the list.",
        )
    path = folder / text
    if os.path.lexists(path):
        return path, ()
    if PureWindowsPath(text).drive:
        note = f"listed with an absolute path of Windows, {text}: paths are relative to {source.name}"
        return folder / text.replace("\\", "/"), (note,)
    found = in_any_case(folder, text.replace("\\", "/"))
    if found.name and found != folder / text.replace("\\", "/"):
        return found, (f"listed as {text}, found as {found}",)
    return found, ()


def in_any_case(folder: Path, relative: str) -> Path:
    """A path below a folder, with the names as they are on the disk where only the case of letters differs.

    A name that exists is never replaced, nor one for which several others stand.
    """
    path = folder
    for part in Path(relative).parts:
        exact = path / part
        if not os.path.lexists(exact):
            alike = _names_by_case(path).get(part.casefold(), [])
            exact = path / alike[0] if len(alike) == 1 else exact
        path = exact
    return path


def _names_by_case(folder: Path) -> Mapping[str, list[str]]:
    """The names in a folder by their spelling without case; none where it cannot be listed."""
    try:
        return _listing(folder, folder.stat().st_mtime_ns)
    except (OSError, ValueError):
        return {}


@lru_cache(maxsize=16)
def _listing(folder: Path, modified_ns: int) -> Mapping[str, list[str]]:
    """Kept for the many paths of a list that lie in one folder."""
    names: dict[str, list[str]] = {}
    for entry in folder.iterdir():
        names.setdefault(entry.name.casefold(), []).append(entry.name)
    return names
