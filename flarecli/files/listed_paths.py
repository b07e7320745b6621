"""Paths of the entries of one folder, each made when it is asked for: names alone take a quarter of the memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload


@dataclass(frozen=True)
class ListedPaths(Sequence[Path]):
    """Entries of a folder.

    Attributes:
        folder: The folder.
        names: Their names.
    """

    folder: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Path: ...

    @overload
    def __getitem__(self, index: slice) -> ListedPaths: ...

    def __getitem__(self, index: int | slice) -> Path | ListedPaths:
        if isinstance(index, slice):
            return ListedPaths(self.folder, self.names[index])
        return self.folder / self.names[index]
