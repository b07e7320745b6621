"""`flare train --fold all --scheduler`: folds side by side on real workers, as one process trains them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import pytest
from typer.testing import CliRunner

pytest.importorskip("distributed", reason="needs the extra 'cluster'")
pytest.importorskip("torch", reason="needs the extra 'torch'")

from flarecli.cli.main import app
from tests.cluster.schedulers import ROOT, RunningScheduler, running_scheduler, working_children

pytestmark = pytest.mark.slow

PATIENCE_S = 600.0
HERE = (
    "--backend",
    "torch",
    "--device",
    "cpu",
    "--threads",
    "1",
    "--workers",
    "0",
    "--seed",
    "5",
    "--folds",
    "2",
)


@pytest.fixture(scope="module", autouse=True)
def backend() -> Iterator[None]:
    """All processes train with PyTorch, whatever Keras runs on in this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        yield


def start(
    run: Path, *options: object, seconds: float = 0.0, deadly: str = "", is_group: bool = False
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.cluster.folds_command", str(seconds), deadly, "CACHE", str(run)]
    command += ["--fold", "all", *HERE, *map(str, options)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, start_new_session=is_group)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        output, errors = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return process.returncode, output, errors


def until(condition: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process is None or process.poll() is None, ended(process)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def results(run: Path) -> dict[str, bytes]:
    """Table, scores and arrays of weights; files of weights hold the time, too."""
    found = {name: (run / name).read_bytes() for name in ("cross_validation.json", "fold1/scores.json")}
    for fold in (1, 2):
        with h5py.File(run / f"fold{fold}/segmentation.weights.h5") as file:
            file.visititems(lambda name, item, fold=fold: found.update(_array(f"{fold} {name}", item)))
    assert len(found) > 10
    return found


def _array(name: str, item: object) -> dict[str, bytes]:
    return {name: item[()].tobytes()} if isinstance(item, h5py.Dataset) else {}


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningScheduler]:
    with running_scheduler(tmp_path_factory.mktemp("scheduler"), 2) as running:
        yield running


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    run = tmp_path_factory.mktemp("alone") / "run"
    code, _, errors = ended(start(run, "--quiet"))
    assert code == 0, errors
    return results(run)


def test_folds_are_trained_side_by_side(scheduler: RunningScheduler, alone: dict[str, bytes], tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start(run, "--scheduler", scheduler.address, "--json", seconds=0.3)
    until(lambda: len(working_children(scheduler)) == 2, process)
    code, output, errors = ended(process)
    assert code == 0, errors
    assert results(run) == alone
    assert json.loads(output) == json.loads(alone["cross_validation.json"])
    code, output, errors = ended(start(run, "--scheduler", scheduler.address))
    assert code == 0, errors
    assert [line.split()[:2] for line in output.splitlines()][-3:] == [["1", "2"], ["2", "2"], ["all", "4"]]
    assert "fold 2: finished" in errors
    assert results(run) == alone


def test_the_command_is_interrupted_and_killed(
    scheduler: RunningScheduler, alone: dict[str, bytes], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start(run, "--scheduler", scheduler.address, seconds=0.5)
    until(lambda: len(list(run.glob("fold*/losses.csv"))) == 2, process)
    process.send_signal(signal.SIGINT)
    code, output, errors = ended(process)
    assert (code, output) == (130, "")
    assert "the same command resumes" in errors
    assert len(list(run.glob("fold*/checkpoints/step_*.npz"))) == 2
    assert working_children(scheduler) == []
    process = start(run, "--scheduler", scheduler.address, seconds=0.5)
    until(lambda: len(working_children(scheduler)) == 2, process)
    process.kill()
    process.communicate()
    code, _, errors = ended(start(run, "--scheduler", scheduler.address))  # waits for what still trains
    assert code == 0, errors
    assert results(run) == alone
    until(lambda: not working_children(scheduler))


def test_ctrl_c_in_a_terminal_reaches_local_workers(alone: dict[str, bytes], tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start(run, "--scheduler", "local:2", seconds=0.5, is_group=True)
    until(lambda: len(list(run.glob("fold*/losses.csv"))) == 2, process)
    os.killpg(process.pid, signal.SIGINT)
    code, _, errors = ended(process)
    assert code == 130
    assert "the same command resumes" in errors
    assert "Traceback" not in errors
    code, _, errors = ended(start(run, "--scheduler", "local:2"))
    assert code == 0, errors
    assert results(run) == alone


@pytest.mark.parametrize(
    "options", [("--fold", "1"), ("--scheduler", "local:0"), ("--scheduler", "here"), ("--dry-run",)]
)
def test_wrong_calls(tmp_path: Path, options: tuple[str, ...]) -> None:
    run = tmp_path / "run"
    result = CliRunner().invoke(app, ["train", "CACHE", str(run), "--fold", "all", "--scheduler", "local:2", *options])
    assert result.exit_code == 2, result.stderr
    assert not run.exists()
