"""`flare` in processes that share the work on a folder, with the system of `tests/shared_command.py`."""

from __future__ import annotations

from pathlib import Path

from tests.folder_content import content
from tests.forked_process import ForkedProcess, run_forked

_COMMAND = "tests.shared_command"


def start(*arguments: object, seconds: float = 0.0) -> ForkedProcess:
    """`flare` with these arguments, now running; each scan takes so many seconds."""
    return ForkedProcess(_COMMAND, [str(seconds), *map(str, arguments)])


def run(*arguments: object) -> tuple[int, str, str]:
    """The exit code of `flare` with these arguments, and what it wrote to standard output and error."""
    ended = run_forked(_COMMAND, 0.0, *arguments)
    return ended.returncode, ended.stdout, ended.stderr


def predicted_alone(scans: Path, folder: Path) -> dict[str, bytes]:
    """What one process makes of a folder of scans."""
    assert run("predict", scans, folder)[0] == 0
    return content(folder)
