"""A scheduler of Dask with workers, each a process of its own, on this machine."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 90.0


class RunningScheduler:
    """A scheduler and its workers.

    Args:
        folder: Where its file of addresses goes.
        workers: How many workers.
        prelude: What each worker runs first.
    """

    def __init__(self, folder: Path, workers: int, prelude: str = "") -> None:
        self._file = folder / "scheduler.json"
        self.process = _start(
            "from distributed.cli.dask_scheduler import main; main()",
            *("--host", "127.0.0.1", "--port", "0", "--scheduler-file", self._file, "--no-show", "--no-dashboard"),
        )
        deadline = time.monotonic() + _PATIENCE_S
        while not self._file.exists() or not self._file.read_text():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.address = json.loads(self._file.read_text())["address"]
        self.workers = [self.add_worker(prelude) for _ in range(workers)]

    def add_worker(self, prelude: str = "") -> subprocess.Popen[bytes]:
        """One more worker."""
        return _start(
            f"{prelude}\nfrom distributed.cli.dask_worker import main; main()",
            *("--scheduler-file", self._file, "--nthreads", "1", "--no-nanny", "--no-dashboard"),
            *("--host", "127.0.0.1", "--local-directory", self._file.parent),
        )

    def stop(self) -> None:
        """End all."""
        for process in (*self.workers, self.process):
            process.kill()
        for process in (*self.workers, self.process):
            process.wait()


def _start(program: str, *arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def running_scheduler(folder: Path, workers: int, prelude: str = "") -> Iterator[RunningScheduler]:
    """A scheduler that is ended with the block."""
    scheduler = RunningScheduler(folder, workers, prelude)
    try:
        yield scheduler
    finally:
        scheduler.stop()


def children_of(process: int) -> list[int]:
    """The processes that a process has started, from whatever thread."""
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended
            found += map(int, path.read_text().split())
    return found


def working_children(scheduler: RunningScheduler) -> list[int]:
    """The processes in which workers work."""
    found = [child for worker in scheduler.workers if worker.poll() is None for child in children_of(worker.pid)]
    return [child for child in found if b"spawn_main" in command_of(child)]


def command_of(process: int) -> bytes:
    """The command of a process; empty where it runs no more."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
