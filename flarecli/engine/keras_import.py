"""Imports Keras and TensorFlow without files in the home folder, and without packages that Keras loads needlessly."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from flarecli.garbage_collection import garbage_collection_paused
from flarecli.overridden_environment import overridden_environment

_HOME = "KERAS_HOME"
_BACKEND = "KERAS_BACKEND"
_DRAWING, _NOTEBOOK, _SIGNALS, _COMPILER = "matplotlib", "IPython", "scipy.signal", "torch._dynamo"


def import_keras() -> ModuleType:
    """Import Keras; call this before the first module that imports it.

    Keras writes its settings to `~/.keras/keras.json` when there are none, and reads number types and layouts there
    that another program has put. Imported here, it uses its defaults and writes nothing; a `KERAS_HOME` that the user
    has set is respected.

    It also imports packages that flare does not use through it: matplotlib for its galleries, which takes a tenth of a
    second and writes a list of fonts; IPython, where it is installed, to show files of weights in a notebook, as long;
    JAX for a kind of checkpoint, whatever backend it runs on, a second; with OpenVINO `scipy.signal` for windows of
    spectra, a second; and the compiler of PyTorch, to keep its random numbers out of compiled functions, two seconds.
    They are left out, and can be imported as always afterwards.
    """
    with garbage_collection_paused(), _isolated_import(_stand_ins() | _stand_in_of_compiler()):
        import keras
    return keras


def import_tensorflow() -> ModuleType:
    """Import TensorFlow, which imports Keras, as `import_keras` does."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with garbage_collection_paused(), _isolated_import(_stand_ins()):
        import tensorflow
    return tensorflow


def clear_keras_session() -> None:
    """Have Keras, where it is imported, forget the models that were made.

    With PyTorch it would import the compiler, in seconds, to have that forget what it has compiled.
    """
    keras = sys.modules.get("keras")
    if keras is None:
        return
    with _replaced({} if _COMPILER in sys.modules else _stand_in_of_compiler()):
        keras.utils.clear_session()


@contextmanager
def _isolated_import(stand_ins: dict[str, ModuleType | None]) -> Iterator[None]:
    """Within the block these take the place of modules; those that the program has imported already stay."""
    used = {name: module for name, module in stand_ins.items() if not {name, "keras"} & sys.modules.keys()}
    # No folder: nothing can be read or written in it.
    with _replaced(used), overridden_environment(_HOME, os.devnull):
        yield


@contextmanager
def _replaced(stand_ins: dict[str, ModuleType | None]) -> Iterator[None]:
    """Within the block these are found where modules are imported that are not there yet."""
    sys.modules.update(stand_ins)  # type: ignore[arg-type]  # None stops the import of a module
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def _stand_ins() -> dict[str, ModuleType | None]:
    stand_ins: dict[str, ModuleType | None] = {_DRAWING: None, _NOTEBOOK: None}
    if os.environ.get(_BACKEND) != "jax":
        stand_ins["jax"] = None
    if os.environ.get(_BACKEND) == "openvino":  # which looks `scipy.signal` up in scipy when it needs a window
        stand_ins[_SIGNALS] = ModuleType(_SIGNALS)
    return stand_ins


def _stand_in_of_compiler() -> dict[str, ModuleType | None]:
    if os.environ.get(_BACKEND) != "torch":
        return {}
    import torch  # noqa: F401  # which looks for parts of its compiler, before that is replaced

    return {_COMPILER: _without_compiler()}


def _without_compiler() -> ModuleType:
    """As `torch._dynamo` where nothing is compiled: of it Keras takes a decorator for functions not to compile, and a
    function to forget what was compiled."""

    def disable(function: Callable[..., Any] | None = None, **_: Any) -> Callable[..., Any]:
        return disable if function is None else function

    module = ModuleType(_COMPILER)

    def reset() -> None:
        pass

    module.disable, module.reset = disable, reset  # type: ignore[attr-defined]
    return module
