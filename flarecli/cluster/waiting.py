"""Waiting for the first workers of a scheduler."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flarecli.cluster.bounded import gone

_LOOK_S = 0.2


def wait_for_workers(client: Any, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Wait until a scheduler has a worker, as long as it takes: jobs may wait in a queue for hours.

    Args:
        client: Client of the scheduler.
        should_stop: Whether to wait no longer.

    Returns:
        How many it has then; 0 where it waits no longer.

    Raises:
        InstallationError: when the scheduler goes away.
    """
    while True:
        try:
            workers = len(client.nthreads())
        except (OSError, TimeoutError, AttributeError, RuntimeError) as error:
            raise gone() from error
        if workers or should_stop():
            return workers
        time.sleep(_LOOK_S)
