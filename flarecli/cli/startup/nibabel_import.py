"""How nibabel is imported: without pydicom, which it needs for one extension of NIfTI headers that nothing here reads.

pydicom takes as long to import as the rest of nibabel; where it is installed, a scan that is not DICOM must not
wait for it. `import pydicom` works as ever before and after.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_NAME, _LEFT_OUT = "nibabel", "pydicom"


def leave_pydicom_out() -> None:
    """Let the first import of nibabel in this process, whoever makes it, do without pydicom."""
    if _NAME not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds nibabel once, as the other finders do, and puts its loader into another."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(_NAME)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Loads as another loader does, while imports of pydicom fail."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        is_imported = _LEFT_OUT in sys.modules
        if not is_imported:
            sys.modules[_LEFT_OUT] = None  # type: ignore[assignment]
        try:
            self._loader.exec_module(module)
        finally:
            if not is_imported:
                del sys.modules[_LEFT_OUT]
