"""The packages of the extra `cluster`, imported in one place."""

from __future__ import annotations

import importlib
import logging
from types import ModuleType

from flarecli.errors import InstallationError


def distributed() -> ModuleType:
    """The package `distributed`: scheduler, workers and client of Dask. What it logs below an error is not shown.

    Raises:
        InstallationError: when it is not installed.
    """
    module = _imported("distributed")
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)
    return module


def dask_jobqueue() -> ModuleType:
    """The package `dask_jobqueue`: workers of Dask as jobs of a batch system.

    Raises:
        InstallationError: when it is not installed.
    """
    return _imported("dask_jobqueue")


def _imported(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InstallationError(
            f"--scheduler needs {module}, which is not installed",
            seen=error,
            remedy="Install it, on every host: pip install 'flarecli[cluster]'.",
        ) from error
