"""`flare predict --scheduler` with a real scheduler and workers in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flarecli.files.unfinished import PREFIX
from tests.deadly_system import DEADLY_HU
from tests.folder_content import content, hidden
from tests.forked_process import ForkedProcess
from tests.shared_runs import predicted_alone, run, start
from tests.synthetic_ct import write_ct, write_cts

pytest.importorskip("distributed", reason="needs the extra 'cluster'")

from tests.cluster.schedulers import (
    ROOT,
    RunningScheduler,
    children_of,
    command_of,
    running_scheduler,
    working_children,
)

WORKERS = 3
SCANS = 9


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningScheduler]:
    with running_scheduler(tmp_path_factory.mktemp("scheduler"), WORKERS) as running:
        yield running


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cts(tmp_path_factory.mktemp("scans"), SCANS)


@pytest.fixture(scope="module")
def alone(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return predicted_alone(scans, tmp_path_factory.mktemp("alone") / "out")


def first_result(process: ForkedProcess | subprocess.Popen[str], out: Path) -> None:
    while process.poll() is None and not list(out.glob("*.nii.gz")):
        time.sleep(0.02)


def test_a_worker_is_killed(scheduler: RunningScheduler, scans: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    out, table = tmp_path / "out", tmp_path / "organs.csv"
    process = start("predict", scans, out, "--scheduler", scheduler.address, "--statistics", table, seconds=0.3)
    first_result(process, out)
    busy = scheduler.workers[0]
    (child,) = (child for child in children_of(busy.pid) if b"spawn_main" in command_of(child))
    busy.kill()
    busy.wait()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert content(out) == alone
    assert len(table.read_text().splitlines()) > SCANS
    assert [path for path in hidden(out) if not path.name.startswith(PREFIX)] == []
    assert not _runs(child)
    scheduler.workers[0] = scheduler.add_worker()
    code, output, errors = run("predict", scans, out, "--scheduler", scheduler.address, "--resume", "--json")
    assert code == 0, errors
    assert {case["status"] for case in json.loads(output)} == {"skipped"}


def test_a_poisoned_scan(scheduler: RunningScheduler, scans: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    poisoned, out = tmp_path / "scans", tmp_path / "out"
    for number in range(4):
        (poisoned / f"s{number:02}.nii.gz").parent.mkdir(exist_ok=True)
        (poisoned / f"s{number:02}.nii.gz").write_bytes((scans / f"s{number:02}.nii.gz").read_bytes())
    write_ct(poisoned / "deadly.nii.gz", peak_hu=DEADLY_HU)
    relative = [os.path.relpath(path, ROOT) for path in (poisoned, out)]  # to where the command is given
    code, output, errors = run("predict", *relative, "--scheduler", scheduler.address, "--json")
    assert code == 4, errors
    assert json.loads((out / "s00.json").read_text())["scan"].startswith("..")
    (failed,) = (case for case in json.loads(output) if case["error"])
    assert (failed["case"], failed["error"]["problem"]) == ("deadly", "killed every process that worked on it")
    assert content(out) == {name: data for name, data in alone.items() if name in content(out)}
    assert len(content(out)) == 8
    assert all(worker.poll() is None for worker in scheduler.workers)


def test_an_interruption(scheduler: RunningScheduler, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start("predict", scans, out, "--scheduler", scheduler.address, seconds=0.5)
    first_result(process, out)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=150)
    assert process.returncode == 128 + signal.SIGTERM
    assert "--resume" in errors
    assert hidden(out) == []
    assert all(worker.poll() is None for worker in scheduler.workers)
    deadline = time.monotonic() + 20
    while working_children(scheduler) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert working_children(scheduler) == []


def test_a_worker_with_another_version(scheduler: RunningScheduler, scans: Path, tmp_path: Path) -> None:
    with running_scheduler(tmp_path, 1, "import flarecli; flarecli.__version__ = '0.0.1'") as other:
        code, _, errors = run("predict", scans, tmp_path / "out", "--scheduler", other.address)
    assert code == 5
    assert "the workers do not have the same versions" in errors
    assert "flare 0.0.1" in errors
    assert not (tmp_path / "out").exists()


def test_the_scheduler_goes_away(scans: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with running_scheduler(tmp_path, 1) as scheduler:
        process = start("predict", scans, out, "--scheduler", scheduler.address, seconds=0.3)
        first_result(process, out)
        scheduler.process.kill()
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 5, errors
    assert "the scheduler went away" in errors
    assert 0 < len(list(out.glob("*.nii.gz"))) < SCANS
    code, _, errors = run("predict", scans, out, "--resume")
    assert code == 0, errors
    assert content(out) == alone


def test_no_scheduler(scans: Path, tmp_path: Path) -> None:
    code, _, errors = run("predict", scans, tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9")
    assert (code, "the scheduler does not answer" in errors) == (5, True), errors


def test_local_workers(scans: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, _, errors = run("predict", scans, out, "--scheduler", "local:2")
    assert code == 0, errors
    assert "dashboard: http://127.0.0.1:" in errors
    assert content(out) == alone


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_in_a_terminal_reaches_local_workers(scans: Path, tmp_path: Path, times: int) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tests.shared_command", "1", "predict", str(scans), str(out)]
    process = subprocess.Popen(
        [*command, "--scheduler", "local:2"], stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    first_result(process, out)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)
    _, errors = process.communicate(timeout=150)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in errors
    assert hidden(out) == []


def _runs(process: int) -> bool:
    deadline = time.monotonic() + 10
    while command_of(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(command_of(process))
