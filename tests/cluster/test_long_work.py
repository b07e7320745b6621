"""Long work on the workers of a scheduler: one a worker, begun again where it died, stopped in good order."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flarecli.errors import FlareError, InstallationError
from tests.cluster.counting import Counting, Unsendable, reached

pytest.importorskip("distributed", reason="needs the extra 'cluster'")

import distributed

from flarecli.cluster.long_work import ended_work
from tests.cluster.schedulers import ROOT, RunningScheduler, running_scheduler, working_children

PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningScheduler]:
    with running_scheduler(tmp_path_factory.mktemp("scheduler"), 2) as running:
        yield running


@pytest.fixture
def client(scheduler: RunningScheduler) -> Iterator[Any]:
    with distributed.Client(scheduler.address, set_as_default=False) as opened:
        yield opened


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_work_side_by_side(client: Any, scheduler: RunningScheduler, tmp_path: Path) -> None:
    works = {f"work {number}": Counting(Path(f"{number}"), 10, 0.3) for number in range(3)}
    told: dict[str, list[int]] = {name: [] for name in works}
    busiest = 0

    def on_told(name: str, number: int) -> None:
        nonlocal busiest
        told[name].append(number)
        busiest = max(busiest, len(working_children(scheduler)))

    ends = dict(ended_work(client, works, tmp_path, on_told=on_told))
    assert ends == dict.fromkeys(works, "counted to 10")
    assert busiest == 2  # one a worker
    assert all(numbers == sorted(numbers) and numbers for numbers in told.values())
    assert working_children(scheduler) == []


def test_a_worker_is_killed(client: Any, scheduler: RunningScheduler, tmp_path: Path) -> None:
    works = {name: Counting(Path(name), 20, 0.3) for name in ("a", "b")}
    again: list[str] = []

    def kill() -> None:
        until(lambda: all((tmp_path / name).exists() for name in works))
        scheduler.workers[0].kill()

    killer = threading.Thread(target=kill)
    killer.start()
    ends = dict(ended_work(client, works, tmp_path, on_again=lambda name, why: again.append(name), reached=reached))
    killer.join()
    scheduler.workers[0].wait()
    scheduler.workers[0] = scheduler.add_worker()
    assert ends == dict.fromkeys(works, "counted to 20")
    assert len(again) == 1


def test_processes_that_die(client: Any, tmp_path: Path) -> None:
    """One that gets further each time is begun again and again; one that does not is given up; errors are handed on."""
    works = {
        "further": Counting(Path("further"), 9, dies_at=(2, 4, 6), seconds=0.01),
        "stuck": Counting(Path("stuck"), 9, dies_at=(3,)),
        "odd": Counting(Path("odd"), 9, fails_at=5),
    }
    (tmp_path / "further").write_text("1")
    again: list[str] = []

    def on_again(name: str, why: str) -> None:
        again.append(name)
        assert "SIGKILL" in why
        if name == "further":  # as where a checkpoint was written before the process died
            (tmp_path / name).write_text(str(int((tmp_path / name).read_text()) + 1))

    ends = dict(ended_work(client, works, tmp_path, on_again=on_again, reached=reached))
    assert ends["further"] == "counted to 9"
    assert again.count("further") == 3
    assert again.count("stuck") == 1
    assert isinstance(ends["stuck"], InstallationError)
    assert "stuck: processes died repeatedly" in str(ends["stuck"])
    assert isinstance(ends["odd"], FlareError)
    assert ends["odd"].problem == "is an odd number"


def test_all_is_stopped(client: Any, scheduler: RunningScheduler, tmp_path: Path) -> None:
    works = {name: Counting(Path(name), 10_000, 0.05) for name in ("a", "b", "c")}
    begun: set[str] = set()
    ends = dict(
        ended_work(
            client,
            works,
            tmp_path,
            should_stop=lambda: len(begun) == 2,
            on_told=lambda name, told: begun.add(name),
        )
    )
    assert ends == {"a": None, "b": None}
    assert working_children(scheduler) == []
    assert not (tmp_path / "c").exists()


def test_the_client_is_killed(scheduler: RunningScheduler, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from distributed import Client; from tests.cluster.counting import Counting\n"
        "from flarecli.cluster.long_work import ended_work\n"
        f"works = {{'a': Counting(Path('a'), 100000, 0.05)}}; folder = Path({str(tmp_path)!r})\n"
        f"list(ended_work(Client({scheduler.address!r}), works, folder))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    until(lambda: (tmp_path / "a").exists())
    process.kill()
    process.wait()
    until(lambda: working_children(scheduler) == [])


def test_a_closed_run_ends_its_processes(client: Any, scheduler: RunningScheduler, tmp_path: Path) -> None:
    ends = ended_work(client, {"a": Counting(Path("a"), 100_000, 0.05), "b": Counting(Path("b"), 2)}, tmp_path)
    assert next(ends) == ("b", "counted to 2")
    assert len(working_children(scheduler)) == 1
    ends.close()  # type: ignore[attr-defined]
    until(lambda: working_children(scheduler) == [])


def test_the_scheduler_goes_away(tmp_path: Path) -> None:
    with running_scheduler(tmp_path, 1) as scheduler:
        client = distributed.Client(scheduler.address, set_as_default=False)
        works = {"a": Counting(Path("a"), 100_000, 0.05)}
        told = lambda name, number: scheduler.process.kill()  # noqa: E731
        with pytest.raises(InstallationError, match="the scheduler went away"):
            list(ended_work(client, works, tmp_path, on_told=told))
        until(lambda: working_children(scheduler) == [])
        client.close(timeout=1)


def test_work_that_cannot_be_sent_on(client: Any, tmp_path: Path) -> None:
    ((_, error),) = ended_work(client, {"a": Unsendable()}, tmp_path)
    assert isinstance(error, FlareError)
    assert "cannot be sent" in str(error)


def test_a_host_without_the_folder(client: Any, tmp_path: Path) -> None:
    ((_, error),) = ended_work(client, {"a": Counting(Path("a"), 1)}, tmp_path / "missing")
    assert isinstance(error, InstallationError)
    assert "does not have the folder" in str(error)
