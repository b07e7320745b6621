"""Entry point of the console script: start and end of the process.

Imports little, so that a signal that comes early meets its handler, and not the import of a package.
"""

from __future__ import annotations

import os
import sys

from flarecli.cli.startup.lighter_imports import leave_out_unused_parts
from flarecli.cli.startup.signals import exit_code_of, handle_ending_signals, interruption_behind
from flarecli.cli.startup.streams import lost_output, secure_streams
from flarecli.garbage_collection import garbage_collection_paused

_CANNOT_WRITE = 3
_OF_TYPER = 130
"""What typer ends with where it catches an interruption itself."""


def main() -> None:
    """Run the command and end the process with its exit code."""
    handle_ending_signals()
    secure_streams()
    leave_out_unused_parts()
    try:
        code = _exit_code_of_command()
    except KeyboardInterrupt as interruption:  # while packages are imported, or a second one
        print("interrupted", file=sys.stderr)
        code = exit_code_of(interruption)
    error = lost_output()
    if error is not None and code == 0:
        print(f"error: standard output cannot be written: {error.strerror}", file=sys.stderr)
        code = _CANNOT_WRITE
    _end(code)


def _exit_code_of_command() -> int:
    try:
        with garbage_collection_paused():
            from flarecli.cli.main import app

        app()
    except SystemExit as end:
        interruption = interruption_behind(end) if end.code == _OF_TYPER else None
        if interruption is not None:
            raise interruption from None  # typer ends without a word, and takes every signal for Ctrl-C
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    return 0


def _end(code: int) -> None:
    """End the process without the unloading of OpenVINO, which takes a quarter of a second, and without waiting for
    threads of a run that was interrupted; temporary files that these have open are removed."""
    sys.stdout.flush()
    sys.stderr.flush()
    if "flarecli.files.unfinished" in sys.modules:
        from flarecli.files.unfinished import discard_all

        discard_all()
    # Threads of process groups that were not left, because of an error, must not meet the end of the interpreter.
    if "openvino" in sys.modules or "TORCHELASTIC_RUN_ID" in os.environ or code > 128:
        os._exit(code)
    sys.exit(code)
