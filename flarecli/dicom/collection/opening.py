"""What may hold many series, told from what is one scan, and looked through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flarecli.dicom import tags
from flarecli.dicom.account import is_dicom_file
from flarecli.dicom.collection.archive import archive_files, is_archive
from flarecli.dicom.collection.catalogue import Catalogue, catalogue
from flarecli.dicom.collection.directory import is_directory, referenced_files, references_of
from flarecli.dicom.collection.holders import FolderFiles, Holder
from flarecli.dicom.header import DamagedHeaderError, read_header
from flarecli.errors import InputError
from flarecli.files.sources import is_folder


def is_collection(path: Path) -> bool:
    """Whether a path is a zip archive, a DICOMDIR, or a folder without slices of its own that has folders."""
    if is_archive(path) or _is_directory_file(path):
        return True
    if not is_folder(path):
        return False
    try:
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    except OSError:
        return False
    if any(is_directory(entry.name) and is_dicom_file(entry) for entry in entries):
        return True
    return any(entry.is_dir() for entry in entries) and not any(is_dicom_file(entry) for entry in entries)


def catalogue_of(path: Path) -> Catalogue:
    """The series of a folder and the folders below it, of an archive, or of a DICOMDIR, told from headers alone.

    Raises:
        InputError: when it cannot be read, or an archive is not to be trusted.
        InstallationError: when pydicom is not installed.
    """
    with _holder(path) as (holder, is_archived):
        return catalogue(holder, is_archived=is_archived)


@contextmanager
def _holder(path: Path) -> Iterator[tuple[Holder, bool]]:
    if is_folder(path):
        yield FolderFiles.below(path), False
        return
    if _is_directory_file(path):
        yield _files_of_directory(path), False
        return
    with archive_files(path) as archive:
        yield archive, True


def _files_of_directory(path: Path) -> FolderFiles:
    """The files that a DICOMDIR names, with itself, so that missing ones are known."""
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


def _is_directory_file(path: Path) -> bool:
    if not is_dicom_file(path):
        return False
    if is_directory(path.name):
        return True
    try:
        header = read_header(path)
    except (DamagedHeaderError, InputError):
        return False
    return header is not None and header.sop_class == tags.MEDIA_DIRECTORY
