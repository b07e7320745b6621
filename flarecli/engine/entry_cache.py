"""Keeps files that are made anew where they are lost, in the user's cache folder, by the facts that they depend on.

An entry is a folder with the files and `entry.json`, which says what they were made from and holds their checksums. It
appears whole or not at all. The cache never stands in the way: a folder that cannot be read or written and an entry
that is damaged count as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from isal import isal_zlib

_MANIFEST = "entry.json"
_UNFINISHED = ".part-"
_ABANDONED_S = 3600.0
"""An unfinished entry older than this was left behind by a process that was stopped."""


class EntryCache:
    """Entries by the facts that they were made from.

    Args:
        folder: Where the entries lie; None keeps nothing.
        largest_bytes: What all entries together may take; those used longest ago go first.
    """

    def __init__(self, folder: Path | None, largest_bytes: int) -> None:
        self._folder = folder
        self._largest_bytes = largest_bytes

    def find(self, facts: Mapping[str, str]) -> Path | None:
        """The folder of the entry that was made from these facts, or None where there is none that is whole."""
        if self._folder is None:
            return None
        entry = self._folder / _name_of(facts)
        if not entry.is_dir():
            return None
        try:
            manifest = json.loads((entry / _MANIFEST).read_text(encoding="utf-8"))
            if manifest["facts"] != dict(facts) or manifest["checksums"] != _checksums(entry):
                raise ValueError("the entry is damaged")
        except (OSError, ValueError, KeyError, TypeError):
            self.drop(facts)
            return None
        with contextlib.suppress(OSError):
            os.utime(entry / _MANIFEST)
        return entry

    def drop(self, facts: Mapping[str, str]) -> None:
        """Remove an entry that turned out to be of no use."""
        if self._folder is not None:
            shutil.rmtree(self._folder / _name_of(facts), ignore_errors=True)

    def keep(self, facts: Mapping[str, str], write: Callable[[Path], None]) -> None:
        """Make an entry; where that is not possible, nothing happens.

        Args:
            facts: What it is made from.
            write: Writes its files into an empty folder. Its OSErrors and RuntimeErrors mean that it cannot.
        """
        if self._folder is None:
            return
        with contextlib.suppress(OSError, RuntimeError):
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._folder))
            try:
                write(unfinished)
                manifest = {"facts": dict(facts), "checksums": _checksums(unfinished)}
                (unfinished / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
                # Fails where another process was faster, and its entry is as good.
                unfinished.rename(self._folder / _name_of(facts))
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            _prune(self._folder, self._largest_bytes)


def _prune(folder: Path, largest_bytes: int) -> None:
    """Remove what is abandoned, and the entries used longest ago while there is too much."""
    for left in folder.glob(f"{_UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_S:
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
    return (manifest.parent for manifest in folder.glob(f"*/{_MANIFEST}") if not manifest.parent.name.startswith("."))


def _name_of(facts: Mapping[str, str]) -> str:
    text = json.dumps(dict(facts), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _checksums(folder: Path) -> dict[str, int]:
    return {
        file.name: isal_zlib.crc32(file.read_bytes()) for file in sorted(folder.iterdir()) if file.name != _MANIFEST
    }
