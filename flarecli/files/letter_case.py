"""Names that differ from those on the disk in the case of letters alone, as lists from other systems have them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path


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
