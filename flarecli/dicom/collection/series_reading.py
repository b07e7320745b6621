"""Reading one series of a collection: its scan, and the checksum of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO

from flarecli.dicom.collection.archive import archive_files, extracted
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.dicom.header import DamagedHeaderError
from flarecli.dicom.inventory import inventory_of_files
from flarecli.dicom.series import Series, series_of
from flarecli.errors import InputError
from flarecli.files.sources import opened


def find_series_of(series: SeriesFiles) -> Series:
    """The CT scan of one series of a collection; files of an archive are unpacked, and removed with what is returned.

    Raises:
        InputError: as `flarecli.dicom.find_series`, when files that a DICOMDIR names are missing, when an archive is
            damaged, and when there is no room to unpack it.
        InstallationError: when pydicom is not installed.
    """
    if series.problem is not None:
        raise series.problem
    unpacked: object = None
    if series.is_archived:
        paths, unpacked = extracted(series.source, series.files)
    else:
        paths = [series.source / name for name in series.files]
    inventory = inventory_of_files(paths)
    wanted = {path: frames for path, frames in zip(paths, series.frames, strict=False) if frames}
    if wanted:
        inventory.objects = [
            replace(entry, slices=tuple(slice_ for slice_ in entry.slices if slice_.frame in wanted[entry.path]))
            if entry.path in wanted
            else entry
            for entry in inventory.objects
        ]
    found = series_of(inventory, series.place, unpacked)
    return replace(found, warnings=(*series.warnings, *found.warnings))


def content_of_series(series: SeriesFiles) -> tuple[int, int, str]:
    """Number of files, bytes, and a checksum of the names, sizes and checksums of the files of a series.

    Raises:
        InputError: when a file cannot be read.
    """
    facts = []
    with _opener(series) as open_file:
        for name in series.files:
            with open_file(name) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it has readinto
                facts.append((PurePosixPath(name).name, file.tell(), digest))
    whole = hashlib.sha256()
    for name, size, digest in sorted(facts):
        whole.update(name.encode("utf-8", "surrogateescape") + f"\0{size}\0{digest}\n".encode())
    for frames in series.frames:
        whole.update(f"{frames}\n".encode())
    return len(facts), sum(size for _, size, _ in facts), whole.hexdigest()


@contextmanager
def _opener(series: SeriesFiles) -> Iterator[Callable[[str], AbstractContextManager[BinaryIO]]]:
    if not series.is_archived:
        yield lambda name: opened(series.source / name)
        return
    try:
        with archive_files(series.source) as archive:
            yield lambda name: _member(archive.opened(name))
    except DamagedHeaderError as error:
        raise InputError(
            "a file of the archive is damaged",
            path=series.source,
            seen=str(error),
            remedy="Copy or export the archive again.",
        ) from error


@contextmanager
def _member(opening: AbstractContextManager[tuple[BinaryIO, int]]) -> Iterator[BinaryIO]:
    with opening as (file, _):
        yield file
