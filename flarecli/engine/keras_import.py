"""Imports Keras and TensorFlow without files in the home folder and without matplotlib."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from flarecli.overridden_environment import overridden_environment

_HOME = "KERAS_HOME"
_DRAWING = "matplotlib"


def import_keras() -> ModuleType:
    """Import Keras; call this before the first module that imports it.

    Keras writes its settings to `~/.keras/keras.json` when there are none, and reads number types and layouts there
    that another program has put; and it imports matplotlib for its galleries, which takes a tenth of a second and
    writes a list of fonts. Imported here, it uses its defaults, writes nothing, and has no galleries. A
    `KERAS_HOME` that the user has set is respected.
    """
    with _isolated_import():
        import keras
    return keras


def import_tensorflow() -> ModuleType:
    """Import TensorFlow, which imports Keras, as `import_keras` does."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _isolated_import():
        import tensorflow
    return tensorflow


@contextmanager
def _isolated_import() -> Iterator[None]:
    is_blocked = "keras" not in sys.modules and _DRAWING not in sys.modules
    if is_blocked:
        sys.modules[_DRAWING] = None  # type: ignore[assignment]
    try:
        with overridden_environment(_HOME, os.devnull):  # no folder: nothing can be read or written in it
            yield
    finally:
        if is_blocked:
            del sys.modules[_DRAWING]
