"""What the operating system refuses to write, as an error that names the destination and says what to do."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flarecli.counts import counted
from flarecli.errors import Blame, OutputError, blame_of

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ESTALE)

_HASH_LENGTH = 32

_LONGEST_NAME_BYTES = 255
"""Where the file system does not say: the limit of ext4, XFS, APFS and NTFS."""


@contextmanager
def write_errors(destination: Path) -> Iterator[None]:
    """Turn every OSError of the body into an `OutputError` that names the destination.

    Raises:
        OutputError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise write_refused(destination, error) from error


def write_refused(destination: Path, error: OSError) -> OutputError:
    """The error for a file or folder that could not be written."""
    return OutputError(
        "cannot be written",
        path=destination,
        seen=_reason(error),
        remedy=_remedy(destination, error),
        blame=blame_of(error) or Blame.HOST,
    )


def longest_name_bytes(folder: Path) -> int:
    """How many bytes a file name may have in a folder, or in the nearest folder above that exists."""
    for existing in (folder, *folder.parents):
        try:
            return os.pathconf(existing, "PC_NAME_MAX")
        except (OSError, ValueError, AttributeError):
            continue
    return _LONGEST_NAME_BYTES


def check_name_length(destination: Path) -> None:
    """Refuse a name that is longer than the file system takes.

    Raises:
        OutputError: then; it says by how much.
    """
    limit, length = longest_name_bytes(destination.parent), len(os.fsencode(destination.name))
    if length > limit:
        raise OutputError(
            "the file name is too long",
            path=destination,
            seen=f"{length} bytes",
            expected=f"at most {limit} bytes",
            remedy=f"Choose a name that is at least {counted(length - limit, 'byte')} shorter.",
            blame=Blame.INPUT,
        )


def name_that_fits(name: str, folder: Path) -> str:
    """A name for a file in a folder: the one given, or where it is too long a checksum of it with the same suffix."""
    encoded = os.fsencode(name)
    if len(encoded) <= longest_name_bytes(folder):
        return name
    return hashlib.sha256(encoded).hexdigest()[:_HASH_LENGTH] + Path(name).suffix


def _reason(error: OSError) -> str:
    if error.strerror:
        return error.strerror
    told = re.search(r"error message = '([^']+)'", str(error))  # HDF5
    return told.group(1) if told else str(error) or type(error).__name__


def _remedy(destination: Path, error: OSError) -> str:
    code = error.errno
    if code in _NO_ROOM or "No space left" in str(error):
        return "Make room on the disk, or have the quota raised, and run the same command again."
    if code == errno.EFBIG:
        return "The file system or `ulimit -f` allows no file of this size: raise the limit, or write elsewhere."
    if code == errno.ENAMETOOLONG:
        return "Choose a shorter name or a folder with a shorter path."
    if code in _NOT_ALLOWED:
        return "Choose a folder that you may write to."
    if code in _NO_FOLDER:
        return "Choose a folder that exists or can be made; it must stay while the command runs."
    return "Check the disk or network drive of this folder, and that you may write to it."
