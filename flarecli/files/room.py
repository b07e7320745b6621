"""Reserves disk space before a library writes that crashes on a full disk."""

from __future__ import annotations

import os
from pathlib import Path


def reserve_room(path: Path, size_bytes: int) -> None:
    """Make sure that a file can become this large: HDF5 ends the process where it cannot, when it closes the file.

    Args:
        path: An existing file that is about to be written; is empty afterwards.
        size_bytes: Its size in the end, rather more than less.

    Raises:
        OSError: when the disk, a quota or `ulimit -f` does not allow it.
    """
    if size_bytes <= 0 or not hasattr(os, "posix_fallocate"):
        return
    with path.open("rb+") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size_bytes)
        finally:
            file.truncate(0)
