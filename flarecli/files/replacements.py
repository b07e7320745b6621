"""Files that are replaced or removed one after the other, and put back where one of them cannot be."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from flarecli.files.unfinished import discard, new_unfinished_folder
from flarecli.files.unreplaced import rename_unreplaced


@dataclass(frozen=True)
class _Step:
    """One file that is replaced or removed.

    Attributes:
        path: The file.
        new: What is renamed to it; None where it is removed.
        earlier: Where the file that existed before is kept; None where there was none.
    """

    path: Path
    new: Path | None
    earlier: Path | None


class Replacements:
    """Replaces and removes files. Where the block ends with an exception, also an interrupt, all that was there before
    is there again, and nothing else.

    A file that is replaced is kept as a hard link in a temporary folder beside it until the block ends, so that its
    name stands for the earlier or the new file at every moment. Where the file system has no hard links, or allows none
    to a file of another user, it is kept as a copy; where it cannot be copied either, it is moved, and its name stands
    for no file for a moment.
    """

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._folders: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                for step in reversed(self._steps):
                    with contextlib.suppress(OSError):
                        _undo(step)
        finally:
            for folder in self._folders.values():
                discard(folder)

    def replace(self, path: Path, new: Path) -> None:
        """Rename a file to a path, in the place of what is there.

        Args:
            path: The path, without links.
            new: The file, in the same file system.

        Raises:
            OSError: when the operating system refuses it.
        """
        step = _Step(path, new, self._place_for(path) if os.path.lexists(path) else None)
        self._steps.append(step)
        if step.earlier is not None:
            _keep(path, step.earlier)
        new.replace(path)

    def add(self, path: Path, new: Path) -> None:
        """Rename a file to a path where nothing lies there.

        Args:
            path: The path, without links.
            new: The file, in the same file system.

        Raises:
            FileExistsError: when something lies there, which stays.
            OSError: when the operating system refuses it.
        """
        self._steps.append(_Step(path, new, None))
        rename_unreplaced(new, path)

    def remove(self, path: Path) -> None:
        """Remove a file, or a link itself, where it exists.

        Raises:
            OSError: when the operating system refuses it.
        """
        if not os.path.lexists(path):
            return
        step = _Step(path, None, self._place_for(path))
        self._steps.append(step)
        assert step.earlier is not None
        path.replace(step.earlier)

    def _place_for(self, path: Path) -> Path:
        if path.parent not in self._folders:
            self._folders[path.parent] = new_unfinished_folder(path.parent)
        return self._folders[path.parent] / str(len(self._steps))


def _keep(path: Path, kept: Path) -> None:
    """Keep a file under a second name, which is that of a copy where it cannot be a link."""
    try:
        os.link(path, kept)
        return
    except FileNotFoundError:  # removed since
        return
    except (OSError, NotImplementedError):
        pass
    try:
        shutil.copy2(path, kept)
    except OSError:
        path.replace(kept)


def _undo(step: _Step) -> None:
    is_replaced = step.new is not None and not step.new.exists()
    if step.earlier is not None and os.path.lexists(step.earlier):
        if is_replaced or not os.path.lexists(step.path):
            step.earlier.replace(step.path)
    elif is_replaced or (step.new is not None and step.new.samefile(step.path)):  # interrupted between two names
        step.path.unlink(missing_ok=True)
