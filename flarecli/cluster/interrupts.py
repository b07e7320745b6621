"""Loaded by the workers of `local:N` as they start: Ctrl-C reaches all processes of a terminal, and the command decides
what follows."""

from __future__ import annotations

import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """Ignore Ctrl-C. Dask calls this in the worker's main thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
