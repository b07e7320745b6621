"""Prediction on a worker of Dask: one process keeps the networks loaded and segments the cases of the worker."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import Any

from distributed import WorkerPlugin, get_worker

from flarecli.cluster.worker_facts import WorkerFacts, worker_facts
from flarecli.errors import FlareError, InstallationError
from flarecli.prediction.case import Case
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.sharing.case_sources import ListedCases
from flarecli.prediction.supervised.prediction_process import PredictionProcess
from flarecli.prediction.supervised.request import PredictionRequest

IDLE_S = 900.0
"""A process without requests for so long is ended: its client may have ended."""


class PredictionPlugin(WorkerPlugin):
    """The process that predicts for a worker.

    Whatever number of threads the worker has, one case is worked on at a time: processes never share networks.

    Args:
        request: How scans are segmented.
        timeout_s: How long a case may take.
        name: Name of the plugin, of this run only.
    """

    idempotent = True

    def __init__(self, request: PredictionRequest, timeout_s: float | None, name: str) -> None:
        self.name = name
        self._request, self._timeout_s = request, timeout_s

    def setup(self, worker: Any) -> None:
        """Start the process; its networks load while the scheduler hands out the first cases."""
        self._process = PredictionProcess(self._request, self._timeout_s)
        self._at_work = threading.Lock()
        self._ends = threading.Event()
        self._used = time.monotonic()
        self._process.start()
        threading.Thread(target=self._end_when_idle, name="flare-idle", daemon=True).start()

    def teardown(self, worker: Any) -> None:
        """End the process."""
        self._ends.set()
        self._process.close()

    def facts(self) -> WorkerFacts:
        """What predicts here; waits until the networks are loaded.

        Raises:
            FlareError: when they cannot be.
        """
        with self._at_work:
            self._used = time.monotonic()
            return worker_facts(self._process.facts)

    def predict(self, case: Case) -> CaseResult:
        """Segment one scan.

        Raises:
            FlareError: when the networks cannot be loaded.
        """
        with self._at_work:
            self._used = time.monotonic()
            (outcome,) = self._process.outcomes(ListedCases([case]))
            self._used = time.monotonic()
            return outcome

    def _end_when_idle(self) -> None:
        while not self._ends.wait(IDLE_S / 10):
            with self._at_work:
                if time.monotonic() - self._used > IDLE_S:
                    self._process.stop()


@dataclass(frozen=True)
class Told:
    """What a worker says before it gets a case: its facts, or why it has none."""

    facts: WorkerFacts | None
    error: FlareError | None = None


async def tell_facts(name: str, dask_worker: Any = None) -> Told:
    """Tell what predicts in this worker, or why nothing can; run on each worker."""
    try:
        return Told(await asyncio.to_thread(dask_worker.plugins[name].facts))
    except FlareError as error:
        return Told(None, error)


def predict_case(case: Case, name: str, expected: WorkerFacts) -> CaseResult:
    """The task: segment one scan in this worker.

    Raises:
        InstallationError: when this worker, which came later, differs from the others.
        FlareError: when its networks cannot be loaded.
    """
    worker = get_worker()
    plugin = worker.plugins[name]
    differences = plugin.facts().differences(expected)
    if differences:
        raise InstallationError(
            "a worker differs from the others",
            seen=f"{worker.address}: {differences[0]}",
            expected=differences[1],
            remedy="Install the same versions and weights on every host.",
        )
    outcome: CaseResult = plugin.predict(case)
    return outcome
