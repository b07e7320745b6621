"""Reads the catalogue of a folder, an archive or a DICOMDIR."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flarecli.dicom.collection.archive import archive_files
from flarecli.dicom.collection.catalogue import Catalogue, catalogue
from flarecli.dicom.collection.detection import is_directory_file
from flarecli.dicom.collection.directory import referenced_files, references_of
from flarecli.dicom.collection.holders import FolderFiles, Holder
from flarecli.dicom.header import DamagedHeaderError
from flarecli.errors import InputError
from flarecli.files.sources import is_folder


def catalogue_of(path: Path) -> Catalogue:
    """The series of a folder and the folders below it, of an archive, or of a DICOMDIR, identified from headers alone.

    Raises:
        InputError: when it cannot be read, or an archive is unsafe.
        InstallationError: when pydicom is not installed.
    """
    with _holder(path) as (holder, is_archived):
        return catalogue(holder, is_archived=is_archived)


@contextmanager
def _holder(path: Path) -> Iterator[tuple[Holder, bool]]:
    if is_folder(path):
        yield FolderFiles.below(path), False
        return
    if is_directory_file(path):
        yield _files_of_directory(path), False
        return
    with archive_files(path) as archive:
        yield archive, True


def _files_of_directory(path: Path) -> FolderFiles:
    """The files that a DICOMDIR names, and the DICOMDIR itself, so that missing ones are found."""
    holder = FolderFiles(path.parent, [path.name], {})
    try:
        references = references_of(holder, path.name)
    except DamagedHeaderError as error:
        raise InputError(
            "cannot be read as a DICOMDIR",
            path=path,
            seen=str(error),
            remedy="Give the folder that it lies in: its slices are found without it.",
        ) from error
    return FolderFiles(path.parent, [*referenced_files(references), path.name], {})
