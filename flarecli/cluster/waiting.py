"""Waiting for the first workers of a scheduler."""

from __future__ import annotations

import time
from typing import Any

from flarecli.cluster.bounded import gone

_LOOK_S = 0.2


def wait_for_workers(client: Any) -> int:
    """Wait until a scheduler has a worker, as long as it takes: jobs may wait in a queue for hours.

    Returns:
        How many it has then.

    Raises:
        InstallationError: when the scheduler goes away.
    """
    while True:
        try:
            workers = len(client.nthreads())
        except (OSError, TimeoutError, AttributeError, RuntimeError) as error:
            raise gone() from error
        if workers:
            return workers
        time.sleep(_LOOK_S)
