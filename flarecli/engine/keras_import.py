"""Imports Keras and TensorFlow without files in the home folder, and without packages that Keras loads needlessly."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
    They are left out, for this thread; others import them as always meanwhile, and so does every thread afterwards.
    """
    with garbage_collection_paused(), _isolated_import(_unused()):
        import keras
    return keras


def import_tensorflow() -> ModuleType:
    """Import TensorFlow, which imports Keras, as `import_keras` does."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with garbage_collection_paused(), _isolated_import(_unused(with_compiler=False)):
        import tensorflow
    return tensorflow


def clear_keras_session() -> None:
    """Have Keras, where it is imported, forget the models that were made.

    With PyTorch it would import the compiler, in seconds, to have that forget what it has compiled.
    """
    keras = sys.modules.get("keras")
    if keras is None:
        return
    with _without(_LeftOut(stand_ins=tuple(_stand_in_of_compiler()))):
        keras.utils.clear_session()


@contextmanager
def _isolated_import(left_out: _LeftOut) -> Iterator[None]:
    """Within the block modules are left out for this thread; those that the program has imported already stay."""
    used = _LeftOut() if "keras" in sys.modules else left_out
    # No folder: nothing can be read or written in it.
    with _without(used), overridden_environment(_HOME, os.devnull):
        yield


@dataclass(frozen=True)
class _LeftOut:
    """Modules that Keras is to be imported without.

    Attributes:
        refused: Names of those whose import fails.
        stand_ins: Modules that take the place of others.
    """

    refused: frozenset[str] = frozenset()
    stand_ins: tuple[_StandIn, ...] = ()


class _StandIn(ModuleType):
    """Takes the place of a module, and imports it when something of it is wanted that it does not have itself: other
    threads that import the module meanwhile have all of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":  # which are asked of every module
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


class _Refusal:
    """An entry of `sys.meta_path` that refuses modules to one thread alone."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names, self._thread = names, threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Refuse the modules, and leave others to the entries behind this one.

        Raises:
            ModuleNotFoundError: for a module that is refused.
        """
        if name in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{name} is left out while Keras is imported", name=name)


@contextmanager
def _without(left_out: _LeftOut) -> Iterator[None]:
    """Within the block modules that are not there yet are left out, where this thread imports them."""
    refusal = _Refusal(left_out.refused)
    stand_ins = [made for made in left_out.stand_ins if made.__name__ not in sys.modules]
    sys.meta_path.insert(0, refusal)  # the import system asks for find_spec alone
    sys.modules.update({made.__name__: made for made in stand_ins})
    try:
        yield
    finally:
        sys.meta_path.remove(refusal)
        for made in stand_ins:
            if sys.modules.get(made.__name__) is made:
                del sys.modules[made.__name__]


def _unused(*, with_compiler: bool = True) -> _LeftOut:
    """What Keras imports and flare does not use, on the backend that is chosen."""
    refused, stand_ins = {_DRAWING, _NOTEBOOK}, []
    if os.environ.get(_BACKEND) != "jax":
        refused.add("jax")
    if os.environ.get(_BACKEND) == "openvino":  # which looks `scipy.signal` up in scipy when it needs a window
        stand_ins.append(_StandIn(_SIGNALS))
    if with_compiler:
        stand_ins += _stand_in_of_compiler()
    return _LeftOut(frozenset(refused), tuple(stand_ins))


def _stand_in_of_compiler() -> list[_StandIn]:
    if os.environ.get(_BACKEND) != "torch":
        return []
    import torch  # noqa: F401  # which looks for parts of its compiler, before that is replaced

    return [_without_compiler()]


def _without_compiler() -> _StandIn:
    """As `torch._dynamo` where nothing is compiled: of it Keras takes a decorator for functions not to compile, and a
    function to forget what was compiled."""

    def disable(function: Callable[..., Any] | None = None, **_: Any) -> Callable[..., Any]:
        return disable if function is None else function

    module = _StandIn(_COMPILER)

    def reset() -> None:
        pass

    module.__dict__.update(disable=disable, reset=reset)
    return module
