"""A cache of generated files in the user's cache folder, by a key of names, versions and checksums.

An entry is a folder with the files and `entry.json`, which holds the key and their checksums. It is written
atomically. Errors of the cache are never fatal: a folder that cannot be read or written and an entry
that is damaged count as absent. So do folders and entries that another user owns or may write to: graphs of another
user are never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from isal import isal_zlib

from flarecli.files.unfinished import now_in

_MANIFEST = "entry.json"
_UNFINISHED = ".part-"
_NAME = re.compile("[0-9a-f]{32}")
_OWNER_ALONE = 0o700
_WRITABLE_BY_OTHERS = 0o022
_ABANDONED_S = 3600.0
"""An unfinished entry older than this was left behind by a process that was stopped."""


class EntryCache:
    """Entries by their key.

    Args:
        folder: Where the entries lie; None keeps nothing.
        largest_bytes: Size limit of all entries; the least recently used are removed first.
    """

    def __init__(self, folder: Path | None, largest_bytes: int) -> None:
        self._folder = folder
        self._largest_bytes = largest_bytes

    def find(self, key: Mapping[str, str]) -> Path | None:
        """The folder of the entry of this key, or None where there is no valid one."""
        if self._folder is None or not _is_trusted_folder(self._folder):
            return None
        entry = self._folder / _name_of(key)
        if not os.path.lexists(entry):
            return None
        try:
            if not _is_trusted_entry(entry):
                raise ValueError("the entry may have been made by another user")
            manifest = json.loads((entry / _MANIFEST).read_text(encoding="utf-8"))
            if manifest["key"] != dict(key) or manifest["checksums"] != _checksums(entry):
                raise ValueError("the entry is damaged")
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            self.drop(key)
            return None
        with contextlib.suppress(OSError):
            os.utime(entry / _MANIFEST)
        return entry

    def drop(self, key: Mapping[str, str]) -> None:
        """Remove an entry that turned out to be unusable."""
        if self._folder is None or not _is_trusted_folder(self._folder):
            return
        entry = self._folder / _name_of(key)
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                entry.unlink()

    def keep(self, key: Mapping[str, str], write: Callable[[Path], None]) -> None:
        """Make an entry; where that is not possible, nothing happens.

        Args:
            key: Everything that determines the files.
            write: Writes its files into an empty folder. Its OSErrors and RuntimeErrors mean that it cannot.
        """
        if self._folder is None:
            return
        with contextlib.suppress(OSError, RuntimeError):
            _make_private(self._folder.parent)
            _make_private(self._folder)
            if not _is_trusted_folder(self._folder):
                return
            unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._folder))
            try:
                write(unfinished)
                manifest = {"key": dict(key), "checksums": _checksums(unfinished)}
                (unfinished / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
                # Fails where another process was faster; its entry is equal.
                unfinished.rename(self._folder / _name_of(key))
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            _prune(self._folder, self._largest_bytes)


def _make_private(folder: Path) -> None:
    """Make a folder that only its owner may use; one that exists is unchanged."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=_OWNER_ALONE, exist_ok=True)


def _is_trusted_folder(folder: Path) -> bool:
    """Whether a folder, and a link to it, belong to this user, and nobody else may write there.

    A folder of this user that others may write to, as earlier versions made it under some umasks, is closed to them;
    its entries are checked one by one.
    """
    if not hasattr(os, "geteuid"):
        return True
    try:
        link, status = folder.lstat(), folder.stat()
        if not stat.S_ISDIR(status.st_mode) or {link.st_uid, status.st_uid} != {os.geteuid()}:
            return False
        if status.st_mode & _WRITABLE_BY_OTHERS:
            if stat.S_ISLNK(link.st_mode):
                return False
            folder.chmod(_OWNER_ALONE)
    except OSError:
        return False
    return True


def _is_trusted_entry(entry: Path) -> bool:
    """Whether an entry is a folder of regular files, which belong to this user and which nobody else may write to."""
    if not stat.S_ISDIR(entry.lstat().st_mode):
        return False
    files = list(entry.iterdir())
    if not all(stat.S_ISREG(file.lstat().st_mode) for file in files):
        return False
    if not hasattr(os, "geteuid"):
        return True
    statuses = [path.lstat() for path in (entry, *files)]
    # Files in a folder that is closed to others cannot be written by them, whatever their own permissions.
    return not statuses[0].st_mode & _WRITABLE_BY_OTHERS and all(status.st_uid == os.geteuid() for status in statuses)


def _prune(folder: Path, largest_bytes: int) -> None:
    """Remove abandoned entries, and the least recently used ones above the size limit."""
    for left in folder.glob(f"{_UNFINISHED}*"):
        if now_in(folder) - left.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)
    entries = sorted(_entries(folder), key=lambda entry: (entry / _MANIFEST).stat().st_mtime)
    sizes = [sum(file.stat().st_size for file in entry.iterdir()) for entry in entries]
    excess = sum(sizes) - largest_bytes
    for entry, size in zip(entries, sizes, strict=True):
        if excess <= 0:
            return
        shutil.rmtree(entry, ignore_errors=True)
        excess -= size


def _entries(folder: Path) -> Iterator[Path]:
    """Entries of this cache, and nothing else that may lie in a folder that the user named."""
    return (manifest.parent for manifest in folder.glob(f"*/{_MANIFEST}") if _NAME.fullmatch(manifest.parent.name))


def _name_of(key: Mapping[str, str]) -> str:
    text = json.dumps(dict(key), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _checksums(folder: Path) -> dict[str, int]:
    return {
        file.name: isal_zlib.crc32(file.read_bytes()) for file in sorted(folder.iterdir()) if file.name != _MANIFEST
    }
