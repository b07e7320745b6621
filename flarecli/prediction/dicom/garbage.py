"""Garbage collection, paused while DICOM objects are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Collect no cyclic garbage while the body runs.

    A data set of tens of thousands of elements sets off full collections, which go through all objects of all loaded
    packages: half of a structured report's time. Reference counts go on freeing memory.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
