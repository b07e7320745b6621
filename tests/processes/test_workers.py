"""Work in several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flarecli.errors import InstallationError, UnexpectedError
from flarecli.processes.workers import Workers
from tests.processes import children


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_item_once(jobs: int) -> None:
    with Workers(jobs) as workers:
        for count in (0, 1, 9, 2):
            assert sorted(workers.work_on(children.square, range(count))) == [(n, n**2) for n in range(count)]


def test_large_results_arrive() -> None:
    with Workers(2) as workers:
        results = dict(workers.work_on(children.large, range(6)))
    assert {number: (result.nbytes, result[0]) for number, result in results.items()} == {
        number: (4_000_000, number) for number in range(6)
    }


def test_a_process_that_was_ended_is_said_aloud_and_others_can_follow() -> None:
    with Workers(2) as workers:
        with pytest.raises(InstallationError, match="--jobs 1"):
            list(workers.work_on(children.end_at_once, [1, 2, 3, 4]))
        assert dict(workers.work_on(children.square, [2, 3])) == {2: 4, 3: 9}


def test_a_process_that_is_killed_within_a_result_of_some_mb_is_said_aloud() -> None:
    with Workers(2) as workers:
        results = workers.work_on(children.large, range(8))
        next(results)
        for child in workers._children:
            assert child.has_message(30)
            os.kill(child.pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(InstallationError, match="SIGKILL"):
            list(results)
        assert time.monotonic() - began < 5


def test_errors_of_the_work_reach_the_parent() -> None:
    with Workers(2) as workers:
        with pytest.raises(UnexpectedError, match="KeyError"):
            list(workers.work_on(children.fail, [1, 2]))
        with pytest.raises(InstallationError, match="memory ran out"):
            list(workers.work_on(children.take_all_memory, [1, 2]))


def test_results_that_nobody_took_do_not_disturb_what_follows() -> None:
    with Workers(2) as workers:
        for _ in workers.work_on(children.square, range(8)):
            break
        assert sorted(workers.work_on(children.square, range(3))) == [(0, 0), (1, 1), (2, 4)]


def test_processes_end_with_their_killed_parent(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from flarecli.processes.workers import Workers\n"
        "from tests.processes.children import note_and_sleep\n"
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
