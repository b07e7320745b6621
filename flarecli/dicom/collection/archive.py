"""Zip archives: headers are read without unpacking; one series at a time is unpacked, readable for this user only."""

from __future__ import annotations

import lzma
import re
import shutil
import stat
import struct
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from flarecli.counts import counted
from flarecli.dicom.header import DamagedHeaderError
from flarecli.errors import InputError
from flarecli.files.sources import check_memory, opened
from flarecli.files.unfinished import clear_abandoned, discard, new_unfinished_folder
from flarecli.remarks import Remark

_END_MARK, _END_LENGTH = b"PK\5\6", 22
_FAR_MARK, _FAR_LENGTH, _FAR_END_LENGTH = b"PK\6\7", 20, 56
_LONGEST_COMMENT = 1 << 16
_ENTRY_BYTES = 16  # of memory for a byte of the list of files
_MOST_TIMES = 100  # CT is compressed to a half or third, with much air to a tenth
_SMALL_BYTES = 1 << 30
_READABLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError, ValueError)
_SHOWN_NAME = 100
_HIDDEN = ("__MACOSX/",)


class ArchiveFiles:
    """The files of a zip archive; see `flarecli.dicom.collection.holders.Holder`."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        self.others: dict[str, list[str]] = {}
        names = []
        for info in archive.infolist():
            parts = PurePosixPath(info.filename).parts
            if info.is_dir():
                continue
            if any(part.startswith(".") for part in parts) or info.filename.startswith(_HIDDEN):
                self.others.setdefault("hidden file", []).append(parts[-1])
            elif stat.S_ISLNK(info.external_attr >> 16):
                self.others.setdefault("link in an archive", []).append(parts[-1])
            else:
                names.append(info.filename)
        self.names: Sequence[str] = sorted(set(names))
        self._by_case: dict[str, str] = {name.casefold(): name for name in self.names}

    @contextmanager
    def opened(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """See `Holder`."""
        try:
            with self._archive.open(name) as file:
                yield file, self._archive.getinfo(name).file_size  # type: ignore[misc]  # it reads and seeks
        except _DAMAGE as error:
            raise DamagedHeaderError(f"it is damaged within the archive ({type(error).__name__})") from error

    def actual(self, folder: str, reference: str) -> str | None:
        """See `Holder`."""
        return self._by_case.get((PurePosixPath(folder) / reference).as_posix().casefold())


@contextmanager
def archive_files(path: Path) -> Iterator[ArchiveFiles]:
    """The files of a zip archive, while the body runs.

    Raises:
        InputError: when it is not a valid archive, is encrypted or uses an unsupported compression method, when names
            lead out of it, or when it would unpack to far more than a scan needs.
    """
    with _checked(path) as archive:
        yield ArchiveFiles(path, archive)


def extracted(path: Path, names: Sequence[str]) -> tuple[list[Path], Unpacked]:
    """Unpack files of an archive into a folder that only this user can read.

    Their names are a number and the safe characters of the original name, so that none leads elsewhere.

    Returns:
        The files in the order given, and what removes them: when it is no longer used, at the latest when Python ends.

    Raises:
        InputError: as `archive_files`, when a file is damaged or there is no room for all.
    """
    with _checked(path) as archive:
        needed = sum(archive.getinfo(name).file_size for name in names)
        check_memory(needed, path, counted(len(names), "unpacked file"))
        unpacked = Unpacked()
        try:
            _check_room(unpacked.folder, needed, path)
            files = [
                _extracted_file(archive, name, unpacked.folder / f"{index:05d}-{_safe(name)}", path)
                for index, name in enumerate(names)
            ]
        except BaseException:
            unpacked.remove()
            raise
    return files, unpacked


class Unpacked:
    """A temporary folder readable for this user only, removed with this object; removes those of killed processes."""

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir())
        clear_abandoned(place)
        self.folder = new_unfinished_folder(place, private=True)
        self.remove = weakref.finalize(self, discard, self.folder)


def _extracted_file(archive: zipfile.ZipFile, name: str, target: Path, path: Path) -> Path:
    try:
        with archive.open(name) as source, target.open("xb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    except (*_DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise _no_room(path, error.strerror or type(error).__name__) from error
        raise InputError(
            "a file of the archive is damaged",
            path=path,
            seen=Remark(f"{PurePosixPath(name).name} ({type(error).__name__})", type(error).__name__),
            remedy="Copy or export the archive again.",
        ) from error
    return target


def _check_room(folder: Path, needed: int, path: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise _no_room(path, f"{needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")


def _no_room(path: Path, seen: str) -> InputError:
    return InputError(
        "a series of the archive cannot be unpacked in the temporary folder",
        path=path,
        seen=seen,
        remedy="Make room there, or name another folder in the environment variable TMPDIR.",
    )


def _safe(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", PurePosixPath(name).name)[-_SHOWN_NAME:]


@contextmanager
def _checked(path: Path) -> Iterator[zipfile.ZipFile]:
    with opened(path) as file:
        check_memory(_ENTRY_BYTES * _list_bytes(file), path, "the list of the archive's files")
        size = file.seek(0, 2)
        try:
            archive = zipfile.ZipFile(file)
        except (*_DAMAGE, struct.error) as error:
            raise InputError(
                "is not a valid zip archive",
                path=path,
                seen=str(error),
                remedy="Copy or export the archive again, or unpack it and give the folder.",
            ) from error
        with archive:
            for info in archive.infolist():
                _check_member(info, path)
            _check_sizes(archive, size, path)
            yield archive


def _check_member(info: zipfile.ZipInfo, path: Path) -> None:
    name = info.filename
    shown = Remark(f"{name[-_SHOWN_NAME:]!r}", "a name")
    if ".." in re.split(r"[/\\]", info.orig_filename) or name.startswith("/") or PureWindowsPath(name).drive:
        raise InputError(
            "contains file names that lead outside the archive",
            path=path,
            seen=shown,
            expected="names inside it",
            remedy="Do not trust this archive; ask for a new one.",
        )
    if info.flag_bits & 1:
        raise InputError(
            "is encrypted",
            path=path,
            seen=shown,
            expected="an archive without a password",
            remedy="Unpack it with its password, and give the folder.",
        )
    if info.compress_type not in _READABLE:
        raise InputError(
            "uses a compression method that is not supported",
            path=path,
            seen=f"method {info.compress_type}",
            expected="stored, deflate, bzip2 or LZMA",
            remedy="Unpack it, and give the folder.",
        )


def _check_sizes(archive: zipfile.ZipFile, size: int, path: Path) -> None:
    """Refuse members that overlap, and archives that unpack to far more than scans do, before any is unpacked."""
    packed = sum(info.compress_size for info in archive.infolist())
    unpacked = sum(info.file_size for info in archive.infolist())
    if packed > size or (unpacked > _SMALL_BYTES and unpacked > _MOST_TIMES * size):
        raise InputError(
            "would unpack to far more than a scan needs",
            path=path,
            seen=f"{unpacked / 1e9:.1f} GB from {size / 1e6:.1f} MB",
            expected=f"at most {_MOST_TIMES} times its size",
            remedy="Do not trust this archive; unpack it where there is room, and give the folder, if it is sound.",
        )


def _list_bytes(file: BinaryIO) -> int:
    """Bytes of the archive's list of files; 0 where its end is not found. Source: PKWARE APPNOTE 4.3.14 to 4.3.16."""
    size = file.seek(0, 2)
    start = max(0, size - _END_LENGTH - _LONGEST_COMMENT)
    file.seek(start)
    tail = file.read()
    place = tail.rfind(_END_MARK)
    if place < 0 or place + _END_LENGTH > len(tail):
        return 0
    (length,) = struct.unpack_from("<I", tail, place + 12)
    if length < 0xFFFFFFFF:
        return min(int(length), size)
    locator = place - _FAR_LENGTH
    if locator < 0 or not tail[locator:].startswith(_FAR_MARK):
        return 0
    (end,) = struct.unpack_from("<Q", tail, locator + 8)
    file.seek(min(end, size))
    record = file.read(_FAR_END_LENGTH)
    return min(int(struct.unpack_from("<Q", record, 40)[0]), size) if len(record) == _FAR_END_LENGTH else 0
