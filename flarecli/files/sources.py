"""Checks of files before they are read: regular files only, and nothing larger than the memory there is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from flarecli.addresses import is_staged
from flarecli.errors import Blame, InputError
from flarecli.hardware.memory import available_bytes

_GB = 1e9


def check_regular_file(path: Path) -> os.stat_result:
    """Refuse what is not a regular file, before a library opens it by its name; links are followed.

    Returns:
        The file's status.

    Raises:
        InputError: when it does not exist, is a link to nothing, a folder, a device, a FIFO or a socket, or when it
            cannot be looked at.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise InputError(
                "is a link to a file that is not there",
                path=path,
                seen=f"-> {path.readlink()}",
                expected="the file itself",
                remedy="Fetch the content of the link (git annex get, dvc pull), or give the file itself.",
            ) from error
        raise InputError("does not exist", path=path, remedy="Check the spelling of the path.") from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError("is a folder, not a file", path=path, remedy="Name the file inside it.")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(
            "is not a regular file",
            path=path,
            seen="a FIFO" if stat.S_ISFIFO(status.st_mode) else "a device or socket",
            expected="a file on a disk",
            remedy="Save the content as a file, and give that.",
        )
    return status


def exists(path: Path) -> bool:
    """Whether there is a file or folder of this name; no where the operating system refuses the name, as too long."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; no where the operating system refuses the name, as too long."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading; what the operating system refuses, also in the body, becomes an InputError.

    A file of a server is brought here before.

    Raises:
        InputError: as `check_regular_file` does, and when the file cannot be read or brought here.
    """
    if is_staged(path):
        from flarecli.files.remote.reading import bring

        bring(path)
    check_regular_file(path)
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise _unreadable(path, error) from error


def check_memory(
    needed_bytes: float,
    path: Path,
    content: str,
    remedy: str = "Check the sizes in the file's header; if they are right, use a machine with more memory.",
) -> None:
    """Refuse what would need more memory than is available, before any of it is allocated.

    Args:
        needed_bytes: What the content will take.
        path: The file, for the message.
        content: What takes the memory, for the message: "2048 × 2048 × 900 voxels of float64".
        remedy: What the user can do.

    Raises:
        InputError: when it is too much.
    """
    free_bytes = available_bytes()
    if needed_bytes > free_bytes:
        raise InputError(
            "needs more memory than is available",
            path=path,
            seen=f"{needed_bytes / _GB:.1f} GB for {content}",
            expected=f"at most {free_bytes / _GB:.1f} GB",
            remedy=remedy,
            blame=Blame.ACCESS,
        )


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = error.strerror if isinstance(error, OSError) else None
    return InputError(
        "cannot be read",
        path=path,
        seen=reason or str(error),
        remedy="Check the permissions of the file, and the disk or network drive it lies on.",
    )
