"""Compiles a network's graph for the size of an image, or takes the compiled graph from a cache.

Half of the compilation time is spent on rewriting the graph for the processor, which is the same every time; OpenVINO
can export the result. Sizes of inputs are multiples of 8 or 16 and occur repeatedly.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flarecli.engine.entry_cache import EntryCache

if TYPE_CHECKING:
    import openvino

    SizedGraph = Callable[[tuple[int, ...]], openvino.Model]
    """Gives a network's graph for a shape of its input."""

LARGEST_BYTES = 200_000_000

_COMPILED = "compiled.blob"
_DEVICE = "CPU"


class CompiledGraphs:
    """A network's compiled graphs, by the shape of its input.

    Args:
        sized_graph: Gives the graph for a shape.
        settings: OpenVINO's, by name.
        key: Cache key of the graph; None where there is none, and nothing is cached.
        folder: The cache folder; None disables the cache.
        largest_bytes: Size limit of all compiled graphs of all networks.
    """

    def __init__(
        self,
        sized_graph: SizedGraph,
        settings: Mapping[str, Any],
        key: Mapping[str, str] | None = None,
        folder: Path | None = None,
        largest_bytes: int = LARGEST_BYTES,
    ) -> None:
        self._sized_graph = sized_graph
        self._settings = dict(settings)
        self._key = key
        self._entries = EntryCache(folder and folder / "compiled", largest_bytes)

    def compiled(self, shape: tuple[int, ...]) -> openvino.CompiledModel:
        """The graph, compiled for this shape of its input."""
        import openvino

        core = openvino.Core()
        if self._key is None:
            return core.compile_model(self._sized_graph(shape), _DEVICE, self._settings)
        key = {**self._key, **self._platform_key(core), "shape": repr(shape)}
        entry = self._entries.find(key)
        if entry is not None:
            try:
                return core.import_model((entry / _COMPILED).read_bytes(), _DEVICE, self._settings)
            except (OSError, RuntimeError):
                self._entries.drop(key)
        compiled = core.compile_model(self._sized_graph(shape), _DEVICE, self._settings)
        self._entries.keep(key, lambda folder: _written(folder / _COMPILED, compiled))
        return compiled

    def _platform_key(self, core: openvino.Core) -> dict[str, str]:
        """The part of the cache key that describes settings and processor."""
        return {
            "settings": repr(sorted(self._settings.items())),
            "processor": core.get_property(_DEVICE, "FULL_DEVICE_NAME"),
            "capabilities": repr(sorted(core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES"))),
            "instructions": os.environ.get("ONEDNN_MAX_CPU_ISA", ""),
        }


def _written(file: Path, compiled: openvino.CompiledModel) -> None:
    file.write_bytes(compiled.export_model().getvalue())
