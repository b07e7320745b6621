"""Keeps the OpenVINO graphs of networks in the user's cache folder, so that the next process needs no Keras.

An entry is a folder with `graph.xml`, `graph.bin` and `entry.json`, which says what the graph was made from and holds
checksums of both files. It appears whole or not at all. The cache never stands in the way: a folder that cannot be
read or written and an entry that is damaged count as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from isal import isal_zlib

if TYPE_CHECKING:
    import openvino

VARIABLE = "FLARE_CACHE"
"""Environment variable that names the cache folder, or turns the cache off with `OFF`."""

OFF = "off"

LARGEST_BYTES = 500_000_000
"""Entries used longest ago go first when all of them take more than this."""

_GRAPH, _CONSTANTS, _MANIFEST = "graph.xml", "graph.bin", "entry.json"
_UNFINISHED = ".part-"
_ABANDONED_S = 3600.0
"""An unfinished entry older than this was left behind by a process that was stopped."""


def cache_folder() -> Path | None:
    """Where graphs are kept: `FLARE_CACHE`, or the platform's cache folder; None where the cache is off."""
    chosen = os.environ.get(VARIABLE)
    if chosen == OFF:
        return None
    if chosen:
        return Path(chosen) / "graphs"
    import platformdirs

    return Path(platformdirs.user_cache_dir("flare", appauthor=False)) / "graphs"


class GraphCache:
    """Graphs by the facts that they were made from.

    Args:
        folder: Where the entries lie; None keeps nothing.
        largest_bytes: What all entries together may take.
    """

    def __init__(self, folder: Path | None, largest_bytes: int = LARGEST_BYTES) -> None:
        self._folder = folder
        self._largest_bytes = largest_bytes

    def load(self, facts: Mapping[str, str]) -> openvino.Model | None:
        """The graph that was made from these facts, or None where there is none that is whole."""
        if self._folder is None:
            return None
        entry = self._folder / _name_of(facts)
        if not entry.is_dir():
            return None
        try:
            manifest = json.loads((entry / _MANIFEST).read_text(encoding="utf-8"))
            if manifest["facts"] != dict(facts) or manifest["checksums"] != _checksums(entry):
                raise ValueError("the entry is damaged")
            import openvino

            graph = openvino.Core().read_model(entry / _GRAPH)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            shutil.rmtree(entry, ignore_errors=True)
            return None
        with contextlib.suppress(OSError):
            os.utime(entry / _MANIFEST)
        return graph

    def store(self, facts: Mapping[str, str], graph: openvino.Model) -> None:
        """Keep a graph; where that is not possible, nothing happens."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError, RuntimeError):
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._folder))
            try:
                _write_entry(unfinished, facts, graph)
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


def _write_entry(folder: Path, facts: Mapping[str, str], graph: openvino.Model) -> None:
    import openvino

    openvino.save_model(graph, folder / _GRAPH, compress_to_fp16=False)
    manifest = {"facts": dict(facts), "checksums": _checksums(folder)}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _checksums(folder: Path) -> dict[str, int]:
    return {name: isal_zlib.crc32((folder / name).read_bytes()) for name in (_GRAPH, _CONSTANTS)}
