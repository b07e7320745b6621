"""The cache key of a network's graph, found without building the network."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import flarecli_models
from flarecli.engine.runtime import Runtime

_EXPORTING = (
    "openvino_graph.py",
    "graph_rewriting.py",
    "quantization.py",
    "keras_model.py",
    "weights/values.py",
    "weights/file.py",
)
"""Modules that make the graph, and those that check weights files."""


def graph_cache_key(
    build: Callable[[], Any], checksum: str, output: str | None, runtime: Runtime
) -> dict[str, str] | None:
    """The cache key of a graph: everything that determines it.

    Args:
        build: Makes the untrained Keras model.
        checksum: SHA-256 of its weights file.
        output: Key of the output wanted where the model returns a dictionary.
        runtime: The backend.

    Returns:
        Names, versions and checksums; None where the builder is not a plain function of a module whose sources are
        available, with positional arguments at most (`functools.partial`), since its result is not determined by
        them then, and where a file cannot be read.
    """
    build, arguments = (build.func, build.args) if isinstance(build, partial) and not build.keywords else (build, ())
    sources = _sources(build)
    if not sources:
        return None
    try:
        code = _digest(sources)
    except OSError:
        return None
    return {
        "builder": f"{build.__module__}.{build.__qualname__}",
        "arguments": repr(arguments),
        "output": output or "",
        "sources": code,
        "weights": checksum,
        "precision": runtime.precision,
        "flare": version("flarecli"),
        "keras": version("keras"),
        "openvino": runtime.version,
    }


def _sources(build: Callable[[], Any]) -> list[Path]:
    """The code that determines the graph: all models, the builder and its package, the export."""
    if not inspect.isfunction(build) or build.__closure__ or build.__qualname__ != build.__name__:
        return []
    builder = Path(build.__code__.co_filename)
    models = sorted(Path(flarecli_models.__file__).parent.rglob("*.py"))
    if not builder.is_file() or not models:
        return []
    return [*models, *sorted(builder.parent.glob("*.py")), *(Path(__file__).parent / name for name in _EXPORTING)]


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
