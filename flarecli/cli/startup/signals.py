"""Signals that ask the command to end: all are handled like Ctrl-C, so that nothing stays half-written."""

from __future__ import annotations

import signal
from types import FrameType

_ENDING = tuple(number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None)
_SHELL_OFFSET = 128


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: raised in the main thread, as Ctrl-C is.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def handle_ending_signals() -> None:
    """Let SIGTERM and SIGHUP raise `Terminated`, unless they are ignored, as under nohup."""
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _raise)


def exit_code_of(interruption: KeyboardInterrupt) -> int:
    """The exit code of a process that a signal ended, as shells have it: 128 and the signal's number."""
    number = interruption.number if isinstance(interruption, Terminated) else signal.SIGINT
    return _SHELL_OFFSET + int(number)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)
