"""Keras models that are built without random weights, to be loaded from a file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from flarecli.engine.keras_import import import_keras


class _Blocks(threading.local):
    """How many blocks this thread is in."""

    count = 0


_blocks_of_thread = _Blocks()
_lock = threading.Lock()
_threads_in_blocks = 0
_replaced: Any = None
"""Keras's own method, while any thread is in a block."""


@contextmanager
def built_without_random_weights() -> Iterator[None]:
    """Let this thread build models with weights of 0; what other threads build meanwhile stays as Keras makes it.

    Else random numbers take most of the time to build a large network on PyTorch and OpenVINO. On JAX each shape of
    them is compiled: for a network of flarelite that takes ten times as long as to compile the network itself.
    """
    if _blocks_of_thread.count == 0:
        _enter()
    _blocks_of_thread.count += 1
    try:
        yield
    finally:
        _blocks_of_thread.count -= 1
        if _blocks_of_thread.count == 0:
            _leave()


def _enter() -> None:
    """Replace Keras's method when the first thread comes."""
    global _threads_in_blocks, _replaced
    layer_class = import_keras().layers.Layer
    with _lock:
        if _threads_in_blocks == 0:
            add_weight = _replaced = layer_class.add_weight

            def add_zeros(layer: Any, *arguments: Any, **options: Any) -> Any:
                if _blocks_of_thread.count:
                    options["initializer"] = _zeros
                return add_weight(layer, *arguments, **options)

            layer_class.add_weight = add_zeros
        _threads_in_blocks += 1


def _leave() -> None:
    """Put it back when the last one goes."""
    global _threads_in_blocks, _replaced
    with _lock:
        _threads_in_blocks -= 1
        if _threads_in_blocks == 0:
            import_keras().layers.Layer.add_weight = _replaced
            _replaced = None


def _zeros(shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
    return np.zeros(shape, dtype)
