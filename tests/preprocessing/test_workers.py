"""Work in several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flarecli.errors import InstallationError
from flarecli.preprocessing.workers import Workers


def square(number: int) -> int:
    return number**2


def end_at_once(number: int) -> int:
    os._exit(1)


def note_and_sleep(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(120)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_item_once(jobs: int) -> None:
    with Workers(jobs) as workers:
        for count in (0, 1, 9, 2):
            assert sorted(workers.work_on(square, range(count))) == [(n, n**2) for n in range(count)]


def test_a_process_that_was_ended_is_said_aloud() -> None:
    with Workers(2) as workers, pytest.raises(InstallationError, match="--jobs 1"):
        list(workers.work_on(end_at_once, [1, 2]))


def test_processes_end_with_their_killed_parent(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from flarecli.preprocessing.workers import Workers\n"
        "from tests.preprocessing.test_workers import note_and_sleep\n"
        f"if __name__ == '__main__': list(Workers(2).work_on(note_and_sleep, [Path({str(tmp_path)!r})] * 2))\n"
    )
    script = tmp_path.parent / f"{tmp_path.name}.py"
    script.write_text(program)
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, script], env={**os.environ, "PYTHONPATH": str(root)}) as parent:
        _wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        parent.send_signal(signal.SIGKILL)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    _wait_until(lambda: not any(_is_running(worker) for worker in workers))


def _wait_until(condition, patience_s: float = 60) -> None:
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _is_running(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
