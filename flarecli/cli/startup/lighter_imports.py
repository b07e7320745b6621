"""Imports of packages without those of their parts that `flare` does not use.

* nibabel needs pydicom for one extension of NIfTI headers, which is not read here; pydicom takes as long to import as
  the rest of nibabel.
* typer's help needs `rich.markdown` and `rich.traceback` for texts in Markdown and for tracebacks; help texts here have
  neither. With the parsers that they import they take a third of the time of `flare --help`.
* Rich needs attrs to print objects of it, of which there are none here.
* scipy copies the names of all parts of numpy, and so imports its Fortran compiler and its tools for tests, a sixth of
  the start of `flare predict`.

Only the first import of these packages in a process is concerned: `import pydicom`, `import rich.markdown`,
`import attr` and `import numpy.testing` work as ever before and after.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _Deferred(type):
    """Class of a class that stands for one of a module which is not imported yet, until it is called or asked for an
    attribute."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        return cls._actual()(*args, **options)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._actual(), name)

    def _actual(cls) -> Any:
        return getattr(importlib.import_module(cls.__module__), cls.__name__)


_WHOLE = ""

_PARTS_OF_NUMPY = {"numpy.f2py": _WHOLE, "numpy.testing": _WHOLE}


def _stand_in(module: str, name: str) -> ModuleType:
    """A module with one class that is imported when it is used, or one that is imported when anything of it is."""
    made = ModuleType(module)
    if name != _WHOLE:
        setattr(made, name, _Deferred(name, (), {"__module__": module}))
        return made

    def of_actual(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if sys.modules.get(module) is made:
            del sys.modules[module]
        return getattr(importlib.import_module(module), attribute)

    made.__getattr__ = of_actual  # type: ignore[method-assign]
    return made


_LEFT_OUT: Mapping[str, Mapping[str, str | None]] = {
    "nibabel": {"pydicom": None},
    "rich.pretty": {"attr": None},
    "scipy._lib.array_api_compat.numpy": _PARTS_OF_NUMPY,
    "scipy._external.array_api_compat.numpy": _PARTS_OF_NUMPY,  # since scipy 1.18
    "typer.rich_utils": {"rich.markdown": "Markdown", "rich.traceback": "Traceback"},
}
"""By importing module: what stands meanwhile for modules that it imports. None: their import fails; a name: a module
with that one class; `_WHOLE`: a module that is imported when something of it is used."""


def leave_out_unused_parts() -> None:
    """Let the first imports of the modules named above in this process, whoever makes them, do without those parts."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder({name for name in _LEFT_OUT if name not in sys.modules}))


class _Finder:
    """Finds each of some modules once, as the other finders do, and wraps its loader."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`, whose import would take longer than everything here."""
        if fullname not in self._names:
            return None
        self._names.remove(fullname)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, _LEFT_OUT[fullname])  # type: ignore[assignment]
        return spec


class _Loader:
    """Loads as another loader does, while some modules are replaced; see `importlib.abc.Loader`."""

    def __init__(self, loader: Any, left_out: Mapping[str, str | None]) -> None:
        self._loader = loader
        self._left_out = left_out

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module as the other loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        replaced = {
            name: None if of_it is None else _stand_in(name, of_it)
            for name, of_it in self._left_out.items()
            if name not in sys.modules
        }
        sys.modules.update(replaced)  # type: ignore[arg-type]
        attributes = list(_shown_in_packages(replaced))
        try:
            self._loader.exec_module(module)
        finally:
            for package, attribute, shown in attributes:
                if vars(package).get(attribute) is shown:
                    delattr(package, attribute)
            for name, stand_in in replaced.items():
                if sys.modules.get(name) is stand_in:
                    del sys.modules[name]


def _shown_in_packages(stand_ins: Mapping[str, ModuleType | None]) -> Iterator[tuple[ModuleType, str, ModuleType]]:
    """Make stand-ins attributes of their packages, as an import would; yields package, attribute and stand-in."""
    for name, stand_in in stand_ins.items():
        of_package, _, attribute = name.rpartition(".")
        package = sys.modules.get(of_package)
        if stand_in is not None and package is not None:
            setattr(package, attribute, stand_in)
            yield package, attribute, stand_in
