"""A cache of the OpenVINO graphs of networks, so that later processes need no Keras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flarecli.engine.entry_cache import EntryCache

if TYPE_CHECKING:
    import openvino

LARGEST_BYTES = 500_000_000

_GRAPH = "graph.xml"
"""Constants lie beside it, in `graph.bin`."""


class GraphCache:
    """Graphs for all sizes, by their cache key.

    Args:
        folder: The cache folder; None disables the cache.
        largest_bytes: Size limit of all graphs together.
    """

    def __init__(self, folder: Path | None, largest_bytes: int = LARGEST_BYTES) -> None:
        self._entries = EntryCache(folder and folder / "graphs", largest_bytes)

    def load(self, key: Mapping[str, str]) -> openvino.Model | None:
        """The graph of this key, or None where there is no valid one."""
        entry = self._entries.find(key)
        if entry is None:
            return None
        import openvino

        try:
            return openvino.Core().read_model(entry / _GRAPH)
        except RuntimeError:
            self._entries.drop(key)
            return None

    def store(self, key: Mapping[str, str], graph: openvino.Model) -> None:
        """Store a graph; where that is not possible, nothing happens."""
        import openvino

        self._entries.keep(key, lambda folder: openvino.save_model(graph, folder / _GRAPH, compress_to_fp16=False))
