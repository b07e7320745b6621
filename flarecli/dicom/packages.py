"""The packages that DICOM needs: pydicom for headers, SimpleITK (GDCM) for compressed pixels."""

from __future__ import annotations

import importlib
import threading
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

from flarecli.errors import InstallationError

_IMPORTING = threading.Lock()
_filtered: list[bool] = []


def pydicom_reader(path: Path) -> ModuleType:
    """The module `pydicom.filereader`.

    Raises:
        InstallationError: when pydicom is not installed; `path` is the file that needs it.
    """
    reader = _imported("pydicom.filereader", "pydicom", "DICOM", path)
    if not _filtered:
        # pydicom's warnings, such as of an unknown character set, do not matter here, or this package checks the same.
        warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
        _filtered.append(True)
    return reader


def without_validation(path: Path) -> AbstractContextManager[None]:
    """A context in which pydicom does not validate values.

    Raises:
        InstallationError: when pydicom is not installed.
    """
    made: AbstractContextManager[None] = _imported(
        "pydicom.config", "pydicom", "DICOM", path
    ).disable_value_validation()
    return made


def pydicom_uids(path: Path) -> ModuleType:
    """The module `pydicom.uid`: names of SOP classes and transfer syntaxes.

    Raises:
        InstallationError: when pydicom is not installed.
    """
    return _imported("pydicom.uid", "pydicom", "DICOM", path)


def simpleitk(path: Path) -> ModuleType:
    """The SimpleITK package.

    Raises:
        InstallationError: when it is not installed.
    """
    return _imported("SimpleITK", "SimpleITK", "compressed DICOM", path)


def _imported(module: str, package: str, content: str, path: Path) -> ModuleType:
    try:
        with _IMPORTING:
            return importlib.import_module(module)
    except ImportError as error:
        raise InstallationError(
            f"{content} needs {package}, which is not installed",
            path=path,
            remedy="Install it with: pip install 'flarecli[io]'. NIfTI files need no further package.",
        ) from error
