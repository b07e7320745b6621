"""Long work on a worker of Dask: one item at a time, in a process of its own, as long as a client polls it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker

from flarecli import __version__
from flarecli.errors import FlareError, InstallationError
from flarecli.processes.child import ChildEnded
from flarecli.processes.stoppable import Work, WorkProcess

IDLE_S = 900.0
"""Work that no client polled for so long is stopped gracefully: its client may have ended."""


@dataclass(frozen=True)
class WorkEnded:
    """How work ended.

    Attributes:
        result: What it returned; None where it was stopped.
        error: What it raised, if anything.
        died: How its process was killed; empty where it was not.
        told: What it told last.
    """

    result: Any = None
    error: FlareError | None = None
    died: str = ""
    told: Any = None


class LongWorkPlugin(WorkerPlugin):
    """The process that does long work for a worker.

    Args:
        name: Name of the plugin, of this run only.
        folder: Where relative paths start.
        version: Version of flare that the work is of.
    """

    idempotent = True

    def __init__(self, name: str, folder: Path, version: str) -> None:
        self.name = name
        self._folder, self._version = folder, version

    def setup(self, worker: Any) -> None:
        """Begin without work."""
        self._at_work = threading.Lock()
        self._process: WorkProcess | None = None
        self._key = ""
        self._stops = False
        self._asked = time.monotonic()

    def teardown(self, worker: Any) -> None:
        """End the process."""
        self._stops = True
        if (process := self._process) is not None:
            process.end()

    def transition(self, key: Any, start: str, finish: str, **kwargs: Any) -> None:
        """Stop work that no client waits for any more."""
        if key == self._key and finish in ("cancelled", "released", "forgotten") and self._process is not None:
            self._process.stop()

    def look(self, *, stops: bool) -> Any:
        """What the work told last; None where there is none.

        Args:
            stops: Whether it is to stop gracefully.
        """
        self._asked = time.monotonic()
        process = self._process
        if stops:
            self._stops = True
            if process is not None:
                process.stop()
        return None if process is None else process.told

    def work(self, work: Work, key: str) -> WorkEnded:
        """Do work, and say how it ended."""
        if self._version != __version__:
            error = InstallationError(
                "a worker does not have this version of flare",
                seen=f"flare {__version__} at {get_worker().address}",
                expected=f"flare {self._version}",
                remedy="Install the same version on every host, and restart the workers.",
            )
            return WorkEnded(error=error)
        with self._at_work:
            self._asked = time.monotonic()
            if self._stops:
                return WorkEnded()
            try:
                process = WorkProcess(work, self._folder)
            except FlareError as error:
                return WorkEnded(error=error)
            self._key, self._process = key, process
            watch = threading.Thread(target=self._stop_when_idle, args=(process,), daemon=True)
            watch.start()
            try:
                return WorkEnded(process.result(), told=process.told)
            except ChildEnded as ended:
                return WorkEnded(died=str(ended), told=process.told)
            except FlareError as error:
                return WorkEnded(error=error, told=process.told)
            finally:
                self._key, self._process = "", None

    def _stop_when_idle(self, process: WorkProcess) -> None:
        while self._process is process:
            if time.monotonic() - self._asked > IDLE_S:
                process.stop()
            time.sleep(1.0)


def look(name: str, *, stops: bool, dask_worker: Any = None) -> tuple[bool, Any]:
    """Whether a worker can work, and what its work told last; run on each worker."""
    plugin = dask_worker.plugins.get(name)
    return (False, None) if plugin is None else (True, plugin.look(stops=stops))


def do_work(work: Work, name: str, key: str) -> WorkEnded:
    """The task: do work in a process of this worker."""
    ended: WorkEnded = get_worker().plugins[name].work(work, key)
    return ended
