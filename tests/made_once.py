"""What several processes of one test run need, made by the first of them that asks."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

Made = TypeVar("Made")


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder of this test run, which all its processes have in common."""
    folder = factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def made_once(folder: Path, make: Callable[[], Made]) -> Made:
    """What `make` returns: of the first process that asks with this folder, while others wait for it.

    Args:
        folder: One that does not exist; `make` may write into it.
        make: Its result can be pickled.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    result = folder.with_name(f"{folder.name}.pickle")
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            made = make()
            result.write_bytes(pickle.dumps(made))
            return made
    loaded: Made = pickle.loads(result.read_bytes())
    return loaded
