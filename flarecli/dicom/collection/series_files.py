"""One CT series of a collection: which files, or frames of files, it consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class SeriesFiles:
    """A CT series of a folder with folders, of an archive or of a DICOMDIR; of a series with several acquisitions, one.

    Attributes:
        source: The folder or archive.
        name: Its number and a part of a checksum of its UID, which do not depend on where it is stored and contain no
            patient data.
        files: Paths of its files within the source, with `/`.
        frames: The frames of each file that belong to it; empty where all do.
        is_archived: Whether the source is an archive.
        warnings: Warnings about it, as sentences.
    """

    source: Path
    name: str
    files: tuple[str, ...] = field(repr=False)
    frames: tuple[tuple[int, ...], ...] = field(repr=False, default=())
    is_archived: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def place(self) -> Path:
        """The archive, or the folder that all files lie in or below."""
        if self.is_archived:
            return self.source
        parents = [PurePosixPath(name).parent for name in self.files]
        shared = parents[0]
        for parent in parents[1:]:
            while shared not in (parent, *parent.parents):
                shared = shared.parent
        return self.source / shared

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are read: the archive, or all files."""
        return (self.source,) if self.is_archived else tuple(self.source / name for name in self.files)
