"""One CT series of a collection: which files, or frames of files, it consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from flarecli.counts import counted
from flarecli.errors import InputError
from flarecli.remarks import Remark

_NAMED = 5  # files that a message names


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
        missing: Files that a DICOMDIR names, and that are not there.
    """

    source: Path
    name: str
    files: tuple[str, ...] = field(repr=False)
    frames: tuple[tuple[int, ...], ...] = field(repr=False, default=())
    is_archived: bool = False
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def problem(self) -> InputError | None:
        """Why it cannot be read; None where it can."""
        if not self.missing:
            return None
        listed = ", ".join(self.missing[:_NAMED]) + (", …" if len(self.missing) > _NAMED else "")
        files = counted(len(self.missing), "file")
        return InputError(
            "files of this series that the DICOMDIR names are missing",
            path=self.place,
            seen=Remark(f"{files}: {listed}", files),
            expected="every file of the series",
            remedy="Copy the medium again; to segment what is there, give the folder of the slices without DICOMDIR.",
        )

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
