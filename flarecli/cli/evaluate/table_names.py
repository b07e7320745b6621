"""What to call systems that are known by their tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flarecli.errors import UsageError


def names_apart(paths: Sequence[Path]) -> list[str]:
    """A name for each path: its stem, or folder and stem where stems are alike.

    Raises:
        UsageError: when a file is given twice.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("a table is given twice", seen=", ".join(map(str, paths)), remedy="Give each table once.")
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    with_folder = [f"{path.resolve().parent.name}/{path.stem}" for path in paths]
    return with_folder if len(set(with_folder)) == len(paths) else [str(path) for path in paths]
