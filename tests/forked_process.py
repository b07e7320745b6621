"""Modules run as processes of their own that start at once: forked from one that has imported what `flare` needs.

A test that kills, interrupts or limits a process, or lets several share a folder, needs processes, but not the second
of imports that `python -m` spends in each. Tests of the start itself take `subprocess`.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_IMPORTED = "tests.forked_imports"
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([_IMPORTED])


class ForkedProcess:
    """A module that runs as `python -m MODULE ARGUMENTS` does, in the root of the checkout; as `subprocess.Popen`.

    What it writes goes to files, not to pipes: it never waits for a reader.
    """

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        self.args = [sys.executable, "-m", module, *arguments]
        folder = Path(tempfile.mkdtemp(prefix="forked-process-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._streams = [folder / name for name in ("output", "errors")]
        for path in self._streams:
            path.touch()
        started_in = Path.cwd()
        os.chdir(ROOT)  # where the process to fork from finds the packages, when it starts
        try:
            self._process = _CONTEXT.Process(
                target=_run, args=(module, list(arguments), dict(os.environ), [*map(str, self._streams)])
            )
            self._process.start()
        finally:
            os.chdir(started_in)
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it has written to standard output and error when it has ended.

        Raises:
            subprocess.TimeoutExpired: It has not ended after so many seconds.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        output, errors = (path.read_text(encoding="utf-8") for path in self._streams)
        return output, errors

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_forked(module: str, *arguments: object, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
    """Run a module and wait until it has ended; it is killed where it does not within so many seconds."""
    process = ForkedProcess(module, [*map(str, arguments)])
    try:
        output, errors = process.communicate(timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode or 0, output, errors)


def _run(module: str, arguments: list[str], environment: dict[str, str], streams: list[str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for path, descriptor in zip(streams, (1, 2), strict=True):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    # Where it fails, the process to fork from goes on without it, and each of the others imports everything anew.
    assert _IMPORTED in sys.modules, f"{_IMPORTED} cannot be imported"
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
