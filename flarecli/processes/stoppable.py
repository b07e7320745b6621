"""Long work in a process of its own, which tells how far it is and can be asked to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from flarecli.processes.child import Child, Receive, Send, as_message, stop_children
from flarecli.processes.working_folder import enter_folder

_LOOK_S = 0.2
_PATIENCE_S = 10.0


class Work(Protocol):
    """Work that takes long; picklable, as are what it tells and what it returns."""

    def __call__(self, tell: Callable[[Any], None], should_stop: Callable[[], bool]) -> Any:
        """Do it.

        Args:
            tell: To be called with how far it is.
            should_stop: Whether it is to stop gracefully.

        Returns:
            The result; None when it was stopped.
        """
        ...


class WorkProcess:
    """A process that does long work.

    Args:
        work: What to do.
        folder: Its working folder; that of this process where None.

    Attributes:
        told: What the work told last; None before.

    Raises:
        InstallationError: when the system starts no more processes.
    """

    def __init__(self, work: Work, folder: Path | None = None) -> None:
        self._child = Child(partial(_serve, work, folder))
        self._stops = threading.Event()
        self._is_killed = threading.Event()
        self.told: Any = None

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._child.pid

    def stop(self) -> None:
        """Ask the work to stop gracefully; from any thread."""
        self._stops.set()

    def end(self) -> None:
        """End the process: what it is writing is removed; from whatever thread."""
        self._is_killed.set()

    def result(self) -> Any:
        """Wait for the result; None when it was stopped or ended.

        Raises:
            FlareError: what the work raised.
            ChildEnded: when the process was killed.
        """
        is_asked = is_done = False
        try:
            while not self._is_killed.is_set():
                if self._stops.is_set() and not is_asked:
                    self._child.send(None)
                    is_asked = True
                if not self._child.has_message(_LOOK_S):
                    continue
                kind, value = self._child.receive()
                if kind == _TOLD:
                    self.told = value
                    continue
                is_done = True
                if kind == _FAILED:
                    raise value
                return value
            return None
        finally:
            if is_done:
                self._wait_for_end()
            stop_children([self._child])

    def _wait_for_end(self) -> None:
        """Let a process that has done its work end by itself, which libraries may need moments for."""
        deadline = time.monotonic() + _PATIENCE_S
        while not (self._child.has_ended or self._is_killed.is_set()) and time.monotonic() < deadline:
            time.sleep(_LOOK_S)


_TOLD, _FAILED, _DONE = "told", "failed", "done"


def _serve(work: Work, folder: Path | None, receive: Receive, send: Send) -> None:
    stops, sending = threading.Event(), threading.Lock()

    def wait_for_stop() -> None:
        receive()
        stops.set()

    def tell(value: Any, kind: str = _TOLD) -> None:
        with sending:
            send((kind, value))

    threading.Thread(target=wait_for_stop, daemon=True).start()
    try:
        if folder is not None:
            enter_folder(folder)
        result = work(tell, stops.is_set)
    except Exception as error:
        tell(as_message(error), _FAILED)
        return
    tell(result, _DONE)
