"""Standard streams that may be closed or stop being read: the command continues, and lost output is reported."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_STANDARD = 3  # input, output, error


class _ErrorKeepingFile(io.RawIOBase):
    """A file descriptor whose errors are stored instead of raised; output after an error is dropped."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, content: Buffer, /) -> int:
        if self.error is None:
            try:
                return os.write(self._descriptor, content)
            except OSError as error:
                self.error = error
        return memoryview(content).nbytes


_output: _ErrorKeepingFile | None = None


def secure_streams() -> None:
    """Make standard output and error safe to write to, whatever they are connected to.

    Closed ones are replaced by ones that drop everything: else the next file that is opened would take their number,
    and messages would go into it. A reader that goes away (`| head`) no longer ends the run. Characters that the
    terminal's encoding lacks are escaped.
    """
    global _output
    for descriptor in range(_STANDARD):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    _output = _ErrorKeepingFile(1)
    sys.stdout = _text(_output, sys.stdout.encoding if sys.stdout else "utf-8")
    sys.stderr = _text(_ErrorKeepingFile(2), sys.stderr.encoding if sys.stderr else "utf-8")


def lost_output() -> OSError | None:
    """Why standard output could not be written, where that was not its reader's choice; None where all is written."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    error = None if _output is None else _output.error
    return None if error is None or error.errno == errno.EPIPE else error


def _text(file: _ErrorKeepingFile, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=file.fileno() == 2 or file.isatty(),
    )
