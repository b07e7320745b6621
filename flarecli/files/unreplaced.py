"""Renaming that replaces nothing: a file that appeared under the name meanwhile stays what it is."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def rename_unreplaced(new: Path, path: Path) -> None:
    """Rename a file to a path where nothing lies there.

    A hard link is made first, which fails where the name exists. Where the file system has no hard links, it is looked
    whether the name exists, right before the renaming.

    Args:
        new: The file, in the same file system.
        path: The path, without links.

    Raises:
        FileExistsError: when something lies there; both files are as they were then.
        OSError: when the operating system refuses it.
    """
    try:
        os.link(new, path)
    except FileExistsError:
        if not _is_one_file(new, path):  # else the answer to a first try was lost, as it happens with NFS
            raise
    except (OSError, NotImplementedError):
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        new.rename(path)
        return
    new.unlink()


def _is_one_file(first: Path, second: Path) -> bool:
    try:
        return os.path.samestat(first.lstat(), second.lstat())
    except OSError:
        return False
