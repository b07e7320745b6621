"""The one way in which files are written: they appear whole or not at all, and refusals have a name and a remedy."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from flarecli.files.destinations import (
    Destination,
    check_destination,
    exist_already,
    is_standard_output,
    target_of,
)
from flarecli.files.names import image_suffix
from flarecli.files.publication import published
from flarecli.files.refusals import write_errors
from flarecli.files.unfinished import clear_abandoned, discard, new_unfinished_file, new_unfinished_folder
from flarecli.files.unreplaced import rename_unreplaced

_KERAS_SUFFIX = ".weights.h5"
_LONGEST_SUFFIX = 16


@contextmanager
def atomic_path(destination: Path, *, replaces: bool = True) -> Iterator[Path]:
    """Give a temporary path in the folder of the destination; on success flush it and rename it over the destination.

    The temporary file has the destination's suffix (`.nii.gz`, `.weights.h5`), because writers choose the format by
    it. An exception, also an interrupt, removes it and leaves an earlier file of the final name untouched; what a
    killed process left in the folder is removed. A link keeps pointing to its target, which is replaced. Where the
    destination stands for an address, the file is published there before it is renamed.

    Args:
        destination: The file.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: when the destination is a folder, a device or another special file, when it exists and is not
            replaced, or when the operating system refuses anything, also inside the body: full disk, quota, missing
            permission, vanished folder.
    """
    destination = Path(destination)
    check_destination(destination)
    target = target_of(destination)
    with write_errors(destination):
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_abandoned(target.parent)
        temporary = new_unfinished_file(target.parent, _suffix(target))
        try:
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            published({target: temporary})
            if replaces:
                temporary.replace(target)
            else:
                try:
                    rename_unreplaced(temporary, target)
                except FileExistsError as error:
                    raise exist_already([Destination(destination, "made while the command ran")]) from error
        finally:
            discard(temporary)


@contextmanager
def atomic_text(destination: Path, *, replaces: bool = True) -> Iterator[IO[str]]:
    """Give a UTF-8 text stream for a file as `atomic_path` writes it; `-` and `/dev/stdout` are standard output.

    Line ends are written as they are given. File names that are not UTF-8 are written with escapes (`\\udcfc`).

    Raises:
        OutputError: as `atomic_path` does.
    """
    if is_standard_output(destination):
        yield sys.stdout
        sys.stdout.flush()
        return
    with (
        atomic_path(destination, replaces=replaces) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream,
    ):
        yield stream


def write_text(destination: Path, text: str, *, replaces: bool = True) -> None:
    """Write a UTF-8 text file, atomically."""
    with atomic_text(destination, replaces=replaces) as stream:
        stream.write(text)


def write_json(destination: Path, content: Any, *, replaces: bool = True) -> None:
    """Write `content` as indented UTF-8 JSON, atomically."""
    write_text(destination, json.dumps(content, indent=2, ensure_ascii=False) + "\n", replaces=replaces)


@contextmanager
def atomic_folder(destination: Path) -> Iterator[Path]:
    """Give a temporary folder beside `destination`; on success rename it to `destination`, replacing an earlier one.

    A folder cannot be replaced in one step: for a moment there is none.

    Raises:
        OutputError: when the operating system refuses anything, also inside the body.
    """
    destination = Path(destination)
    with write_errors(destination):
        destination.parent.mkdir(parents=True, exist_ok=True)
        clear_abandoned(destination.parent)
        temporary = new_unfinished_folder(destination.parent)
        try:
            yield temporary
            flush_folder(temporary)
            if destination.exists():
                shutil.rmtree(destination)
            temporary.rename(destination)
            flush_folder(destination.parent)
        finally:
            discard(temporary)


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Give a temporary folder in a folder, and remove it afterwards; a later run removes that of a killed process.

    Raises:
        OutputError: when the operating system refuses anything, also inside the body.
    """
    with write_errors(parent):
        clear_abandoned(parent)
        temporary = new_unfinished_folder(parent)
        try:
            yield temporary
        finally:
            discard(temporary)


def flush_folder(folder: Path) -> None:
    """Bring a folder's list of names to disk, where the file system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _suffix(path: Path) -> str:
    """What writers choose the format by; not all of a name with many dots."""
    if path.name.endswith(_KERAS_SUFFIX):
        return _KERAS_SUFFIX
    suffix = image_suffix(path) or path.suffix
    return suffix if len(suffix) <= _LONGEST_SUFFIX else ""
