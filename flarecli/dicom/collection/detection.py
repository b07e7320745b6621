"""Tells paths that may contain several series from single scans, without reading all files."""

from __future__ import annotations

from pathlib import Path

from flarecli.dicom import tags
from flarecli.dicom.header import DamagedHeaderError, read_header
from flarecli.dicom.inventory import is_dicom_file
from flarecli.errors import InputError
from flarecli.files.sources import is_folder

_DIRECTORY_NAME = "DICOMDIR"
ARCHIVE_MARKS = (b"PK\3\4", b"PK\5\6")
"""How zip archives begin. Source: PKWARE APPNOTE 4.3.7, 4.3.16."""


def is_collection(path: Path) -> bool:
    """Whether a path is a zip archive, a DICOMDIR, or a folder without slices of its own that has folders."""
    if is_archive(path) or is_directory_file(path):
        return True
    if not is_folder(path):
        return False
    try:
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    except OSError:
        return False
    if any(_is_directory_name(entry.name) and is_dicom_file(entry) for entry in entries):
        return True
    return any(entry.is_dir() for entry in entries) and not any(is_dicom_file(entry) for entry in entries)


def is_archive(path: Path) -> bool:
    """Whether a regular file begins as a zip archive does, or is named so."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(4) in ARCHIVE_MARKS or path.suffix.lower() == ".zip"
    except (OSError, ValueError):
        return False


def is_directory_file(path: Path) -> bool:
    """Whether a path is a file that is a DICOMDIR, by its name or its class."""
    if not is_dicom_file(path):
        return False
    if _is_directory_name(path.name):
        return True
    try:
        header = read_header(path)
    except (DamagedHeaderError, InputError):
        return False
    return header is not None and header.sop_class == tags.MEDIA_DIRECTORY


def _is_directory_name(name: str) -> bool:
    """Whether a file has the name of a DICOMDIR."""
    return name.rpartition("/")[2].upper() == _DIRECTORY_NAME
