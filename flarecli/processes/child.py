"""A process with a connection of its own, whose end is noticed at once, also in the middle of a message.

Only the child holds the other end of the connection: when it dies, reading ends instead of waiting for the rest of a
message. `multiprocessing.Queue` and `ProcessPoolExecutor` keep that end open in the parent and wait for ever.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any

from flarecli.errors import FlareError, InstallationError, UnexpectedError
from flarecli.overridden_environment import overridden_environment

Receive = Callable[[], Any]
"""Gives the next message of the parent; waits for it."""

Send = Callable[[Any], None]
"""Sends a message to the parent."""

_TERMINATED = 128 + int(signal.SIGTERM)
_starting = threading.Lock()
_PATIENCE_S = 3.0
"""How long a process that is to end may take for it."""


class ChildEnded(Exception):
    """A child process ended before its time; the message says how: signal or exit code."""


class Child:
    """A process that is started afresh (`spawn`) and ends with this one, also where this one is killed.

    It ignores interrupts from the keyboard, which reach all processes of a terminal: the parent decides.

    Args:
        function: What the child does, with its two ends of the connection; a function of a module.

    Raises:
        InstallationError: when the system starts no more processes.
    """

    def __init__(self, function: Callable[[Receive, Send], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other_end = context.Pipe()
        self._process = context.Process(target=_run, args=(other_end, function), daemon=True)
        try:
            # A file of the working folder must not stand in for a module.
            with overridden_environment("PYTHONSAFEPATH", "1"), _without_main_module(), _as_no_daemon():
                self._process.start()
        except OSError as error:
            self._connection.close()
            raise InstallationError(
                "another process could not be started",
                seen=error,
                remedy="Memory or the number of processes is used up: use fewer processes.",
            ) from error
        finally:
            other_end.close()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid or 0

    @property
    def has_ended(self) -> bool:
        """Whether the process runs no more."""
        return not self._process.is_alive()

    def send(self, message: Any) -> None:
        """Send an object that can be pickled.

        Raises:
            ChildEnded: when the process is not there any more.
        """
        pickled = ForkingPickler.dumps(message)
        try:
            self._connection.send_bytes(pickled)
        except OSError:
            raise self._ended() from None

    def receive(self) -> Any:
        """The next message of the child; waits for it.

        Raises:
            ChildEnded: when the process ends before its message is complete.
        """
        try:
            pickled = self._connection.recv_bytes()
        except (EOFError, OSError):
            raise self._ended() from None
        return ForkingPickler.loads(pickled)

    def has_message(self, within_s: float) -> bool:
        """Wait for a message, or for the end of the child, but not for ever."""
        return self._connection.poll(within_s)

    def kill(self) -> None:
        """End the process at once, whatever it does; `receive` raises `ChildEnded` then."""
        self._process.kill()

    def check(self) -> None:
        """See that the process still runs.

        Raises:
            ChildEnded: when it does not.
        """
        if self.has_ended:
            raise self._ended()

    def _ended(self) -> ChildEnded:
        self._process.join(_PATIENCE_S)
        stop_children([self])
        code = self._process.exitcode or 0
        number = _TERMINATED - 128 if code == _TERMINATED else -code
        if number > 0:
            with contextlib.suppress(ValueError):
                return ChildEnded(f"signal {number} ({signal.Signals(number).name})")
        return ChildEnded(f"exit code {code}")


def first_with_message(children: Sequence[Child]) -> list[Child]:
    """Wait until some children have sent a message or ended; those."""
    by_connection = {child._connection: child for child in children}
    return [by_connection[connection] for connection in wait(list(by_connection)) if isinstance(connection, Connection)]


def stop_children(children: Sequence[Child]) -> None:
    """End processes: what they are writing is removed; those that do not end within seconds are killed."""
    for child in children:
        if not child.has_ended:
            child._process.terminate()
    for child in children:
        child._process.join(_PATIENCE_S)
        if not child.has_ended:
            child._process.kill()
            child._process.join()
        child._connection.close()


def as_message(error: Exception) -> FlareError:
    """An error of a child as one that can be sent, with what to do where memory ran out."""
    if isinstance(error, FlareError):
        return error
    if isinstance(error, MemoryError):
        return InstallationError(
            "memory ran out in a process",
            seen=str(error) or "MemoryError",
            remedy="Use fewer processes, or a machine with more memory.",
        )
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" ({os.path.basename(frame.filename)}:{frame.lineno})" for frame in place)  # noqa: PTH119
    return UnexpectedError(
        f"{type(error).__name__} in a process{where}",
        seen=error,
        remedy="This is a defect of flare: report it with the command.",
    )


@contextlib.contextmanager
def _without_main_module() -> Iterator[None]:
    """Keep a child from running the program of this process once more, as `spawn` does to find what it defines.

    A script without `if __name__ == "__main__":` would do everything twice, and the child fail at it.
    """
    with _starting:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


@contextlib.contextmanager
def _as_no_daemon() -> Iterator[None]:
    """Let a daemonic process, as workers of Dask are, have a child.

    `multiprocessing` refuses that because the child would go on when its parent is ended; this one does not: it ends
    when its connection does.
    """
    settings = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    is_daemon = settings.pop("daemon", None)
    try:
        yield
    finally:
        if is_daemon is not None:
            settings["daemon"] = is_daemon


def _run(connection: Connection, function: Callable[[Receive, Send], None]) -> None:
    """What the child runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    inbox: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
    threading.Thread(target=_fill, args=(inbox, connection), daemon=True).start()

    def receive() -> Any:
        return inbox.get()()

    def send(message: Any) -> None:
        pickled = ForkingPickler.dumps(message)
        try:
            connection.send_bytes(pickled)
        except OSError:
            os._exit(1)

    function(receive, send)


def _fill(inbox: queue.SimpleQueue[Callable[[], Any]], connection: Connection) -> None:
    """Read what the parent sends, always, so that neither side waits for the other; end when the parent is gone."""
    while True:
        try:
            pickled = connection.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)
        inbox.put(lambda pickled=pickled: ForkingPickler.loads(pickled))  # type: ignore[misc]


def _leave(number: int, _: Any) -> None:
    sys.exit(_TERMINATED)
