"""Signals that ask the command to end: all are handled alike, so that no file is left half-written."""

from __future__ import annotations

import signal
import weakref
from types import FrameType

_ENDING = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)
_UNHANDLED = (signal.SIG_DFL, signal.default_int_handler)
_SHELL_OFFSET = 128
_AGAIN_S = 0.05

_raised: list[weakref.ref[Terminated]] = []  # the last one, until it is reported


class Terminated(KeyboardInterrupt):
    """SIGINT (Ctrl-C), SIGTERM or SIGHUP came: raised in the main thread.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def handle_ending_signals() -> None:
    """Let SIGINT, SIGTERM and SIGHUP raise `Terminated`, unless they are ignored, as under nohup.

    Where some code catches the exception and goes on, it is raised once more a moment later.
    """
    for number in _ENDING:
        if signal.getsignal(number) in _UNHANDLED:
            signal.signal(number, _raise)


def exit_code_of(interruption: KeyboardInterrupt) -> int:
    """The exit code of a process that a signal ended, as shells have it: 128 and the signal's number."""
    _raised.clear()
    number = interruption.number if isinstance(interruption, Terminated) else signal.SIGINT
    return _SHELL_OFFSET + int(number)


def interruption_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """The interruption that an exception was made of; None where there is none."""
    seen: set[int] = set()  # chains can be circles
    while error is not None and not isinstance(error, KeyboardInterrupt):
        seen.add(id(error))
        following = error.__cause__ or error.__context__
        error = None if id(following) in seen else following
    return error


def _raise(number: int, frame: FrameType | None) -> None:
    error = Terminated(number)

    def lost(_: weakref.ref[Terminated]) -> None:
        """The exception was discarded without being handled, as imports, callbacks and extension modules do."""
        signal.signal(signal.SIGALRM, lambda *_: _raise(number, None))
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)  # an exception of this very callback would be lost, too

    _raised[:] = [weakref.ref(error, lost)]
    try:
        raise error
    finally:
        del error  # which its own traceback would keep
