"""Access to the files of a collection: a folder with all folders below it; for archives see `archive`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from flarecli.errors import InputError
from flarecli.files.letter_case import in_any_case
from flarecli.files.sources import opened


class Holder(Protocol):
    """Access to files by name.

    Attributes:
        path: The folder or archive.
        names: Paths of its files within it, with `/`, sorted; hidden ones are left out.
        others: Names of entries that cannot be read as files, by kind.
    """

    path: Path
    names: Sequence[str]
    others: dict[str, list[str]]

    def opened(self, name: str) -> AbstractContextManager[tuple[BinaryIO, int]]:
        """A file, and its length.

        Raises:
            InputError: when it cannot be read.
            DamagedHeaderError: when it is damaged within an archive.
        """

    def actual(self, folder: str, reference: str) -> str | None:
        """The name of the file that a DICOMDIR in a folder refers to, in any letter case; None where it is
        missing."""


@dataclass
class FolderFiles:
    """The files of a folder and of all folders below it; see `Holder`."""

    path: Path
    names: Sequence[str]
    others: dict[str, list[str]]

    @classmethod
    def below(cls, folder: Path) -> FolderFiles:
        """All files below a folder. Links are followed; each folder is visited once.

        Raises:
            InputError: when the folder itself cannot be listed.
        """
        unreadable: list[OSError] = []
        names: list[str] = []
        others: dict[str, list[str]] = {}
        seen = {_identity(folder), None}
        waiting = [""]
        while waiting:  # not os.walk, which recurses for each level
            place = waiting.pop()
            try:
                with os.scandir(folder / place) as listed:
                    entries = sorted(listed, key=lambda entry: entry.name)
            except OSError as error:
                unreadable.append(error)
                continue
            for entry in entries:
                if entry.name.startswith("."):
                    others.setdefault("hidden file", []).append(entry.name)
                elif not _is_folder(entry):
                    names.append(f"{place}{entry.name}")
                elif (identity := _identity(Path(entry.path))) not in seen:
                    seen.add(identity)
                    waiting.append(f"{place}{entry.name}/")
        if unreadable and not names:
            raise InputError(
                "cannot be read",
                path=unreadable[0].filename or folder,
                seen=unreadable[0].strerror,
                remedy="Check that the folder is there and readable.",
            ) from unreadable[0]
        if unreadable:
            others["folder that cannot be read"] = [Path(error.filename).name for error in unreadable]
        return cls(folder, sorted(names), others)

    @contextmanager
    def opened(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """See `Holder`."""
        with opened(self.path / name) as file:
            yield file, os.fstat(file.fileno()).st_size

    def actual(self, folder: str, reference: str) -> str | None:
        """See `Holder`."""
        found = in_any_case(self.path / folder, reference)
        return found.relative_to(self.path).as_posix() if found.is_file() else None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from others, whatever links lead to it; None where it cannot be accessed."""
    try:
        status = folder.stat()  # not that of a directory entry, which has no identity on Windows
    except OSError:
        return None
    return status.st_dev, status.st_ino
