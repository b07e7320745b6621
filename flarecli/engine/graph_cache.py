"""Keeps the OpenVINO graphs of networks, so that the next process needs no Keras."""

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
    """Graphs for all sizes, by the facts that they were made from.

    Args:
        folder: The cache folder; None keeps nothing.
        largest_bytes: What all graphs together may take.
    """

    def __init__(self, folder: Path | None, largest_bytes: int = LARGEST_BYTES) -> None:
        self._entries = EntryCache(folder and folder / "graphs", largest_bytes)

    def load(self, facts: Mapping[str, str]) -> openvino.Model | None:
        """The graph that was made from these facts, or None where there is none that is whole."""
        entry = self._entries.find(facts)
        if entry is None:
            return None
        import openvino

        try:
            return openvino.Core().read_model(entry / _GRAPH)
        except RuntimeError:
            self._entries.drop(facts)
            return None

    def store(self, facts: Mapping[str, str], graph: openvino.Model) -> None:
        """Keep a graph; where that is not possible, nothing happens."""
        import openvino

        self._entries.keep(facts, lambda folder: openvino.save_model(graph, folder / _GRAPH, compress_to_fp16=False))
