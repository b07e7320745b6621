"""What files a scan consists of, and a checksum of their content: by these a later run recognises a scan."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from flarecli.dicom import is_dicom_file
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.errors import Blame, InputError
from flarecli.files.names import SCAN_SUFFIXES
from flarecli.files.sources import opened
from flarecli.volume.image_files import files_of_image

_BESIDE_SLICES = (*SCAN_SUFFIXES, ".json", ".csv", ".png")
"""What may lie in a folder of slices and is none, unless it begins as DICOM does: results, tables and pictures."""


@dataclass(frozen=True)
class ScanContent:
    """The content of a scan's files.

    Attributes:
        files: How many they are.
        bytes: Their size together.
        sha256: Checksum of the file; of several files, of their names, sizes and checksums.
        etag: Of a file of a server, the tag that it gave for this content.
    """

    files: int
    bytes: int
    sha256: str
    etag: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For records."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def is_of(self, facts: Mapping[str, Any]) -> bool:
        """Whether a record describes the same content."""
        return all(facts.get(key) == value for key, value in replace(self, etag=None).as_dict().items())


def files_of_scan(scan: Path | SeriesFiles) -> tuple[Path, ...]:
    """The files that a scan is read from, sorted by name: one, a header and its voxels, or a folder's slices.

    In a folder, hidden files, results and tables do not count. What does not exist is left out.
    """
    if isinstance(scan, SeriesFiles):
        return scan.paths
    if scan.is_dir():
        entries = sorted(scan.iterdir(), key=lambda path: path.name)
        return tuple(
            path for path in entries if path.is_file() and not path.name.startswith(".") and _may_be_slice(path)
        )
    return tuple(sorted({scan, *(path for path in files_of_image(scan) if path.is_file())}))


def _may_be_slice(path: Path) -> bool:
    return not path.name.lower().endswith(_BESIDE_SLICES) or is_dicom_file(path)


def content_of(scan: Path | SeriesFiles) -> ScanContent:
    """Read a scan's files and sum them up; after the scan was read, they come from memory.

    Raises:
        InputError: when a file cannot be read.
    """
    return _content(scan, files_of_scan(scan))


class WatchedScan:
    """A scan about to be read: afterwards its content is summed up, unless its files have changed since.

    Args:
        scan: File or folder, or series of several.
        etag: Of a file of a server, its tag before it was brought here.
    """

    def __init__(self, scan: Path | SeriesFiles, etag: str | None = None) -> None:
        self._scan, self._etag = scan, etag
        self._files = self._listed()
        self._stamps = _stamps(self._files)

    def content(self) -> ScanContent:
        """The content that was read.

        Raises:
            InputError: when a file cannot be read, or has changed since.
        """
        content = replace(_content(self._scan, self._files), etag=self._etag)
        files = self._listed()
        if files != self._files or _stamps(files) != self._stamps:
            raise InputError(
                "changed while it was read",
                path=_path_of(self._scan),
                expected="a scan that stays as it is while it is read",
                remedy="Wait until the copy or download is complete, and segment it again; `flare predict --resume` "
                "keeps what is done.",
                blame=Blame.ACCESS,
            )
        return content

    def _listed(self) -> tuple[Path, ...]:
        try:
            return files_of_scan(self._scan)
        except OSError as error:
            raise InputError(
                "cannot be read",
                path=_path_of(self._scan),
                seen=error.strerror or str(error),
                remedy="Check the permissions of the folder, and the disk or network drive it lies on.",
            ) from error


def _path_of(scan: Path | SeriesFiles) -> Path:
    return scan.place if isinstance(scan, SeriesFiles) else scan


def _content(scan: Path | SeriesFiles, files: tuple[Path, ...]) -> ScanContent:
    if isinstance(scan, SeriesFiles):
        from flarecli.dicom.collection.series_reading import content_of_series

        return ScanContent(*content_of_series(scan))
    sizes, sums = [], []
    for path in files:
        with opened(path) as file:
            sums.append(hashlib.file_digest(file, "sha256").hexdigest())  # type: ignore[arg-type]  # it has readinto
            sizes.append(file.tell())
    if len(files) == 1 and not scan.is_dir():
        return ScanContent(1, sizes[0], sums[0])
    whole = hashlib.sha256()
    for path, size, checksum in zip(files, sizes, sums, strict=True):
        whole.update(os.fsencode(path.name) + f"\0{size}\0{checksum}\n".encode())
    return ScanContent(len(files), sum(sizes), whole.hexdigest())


def _stamps(files: tuple[Path, ...]) -> tuple[tuple[int, int, int], ...]:
    """What changes when a file is written to or replaced."""
    stamps = []
    for path in files:
        try:
            status = path.stat()
        except (OSError, ValueError):  # a ValueError of a name that no file can have
            stamps.append((-1, -1, -1))
        else:
            stamps.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(stamps)
