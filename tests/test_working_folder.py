"""Files of the working folder are never run, whatever their names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flarecli.doctor.backends import run_probe
from flarecli.processes.workers import Workers
from flarecli.profiling.processes.measured_process import measure_module
from tests.processes import children

MODULES = ("numpy", "keras", "pickle", "signal", "json", "typer", "multiprocessing", "flarecli", "openvino", "struct")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with modules that leave a mark when they are imported: where."""
    folder, mark = tmp_path / "work", tmp_path / "mark"
    folder.mkdir()
    for module in MODULES:
        (folder / f"{module}.py").write_text(f"open({str(mark)!r}, 'w').write({module!r})\nraise SystemExit(9)\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    return mark


def test_the_files_would_be_run_by_a_careless_call(ran: Path) -> None:
    subprocess.run([sys.executable, "-c", "import numpy"], check=False)
    assert ran.read_text() == "numpy"


def test_the_probe_of_doctor(ran: Path) -> None:
    assert "error" not in run_probe("openvino")
    assert not ran.exists()


def test_workers(ran: Path) -> None:
    with Workers(2) as workers:
        assert dict(workers.work_on(children.square, [1, 2])) == {1: 1, 2: 4}
    assert not ran.exists()
    assert "PYTHONSAFEPATH" not in os.environ


def test_measured_processes(ran: Path) -> None:
    measured = measure_module(
        "flarecli.profiling.processes.observed_command", [os.devnull, "--version"], gpu=None, period_s=0.1
    )
    assert measured.printed.startswith("flare ")
    assert not ran.exists()


@pytest.mark.skipif(
    shutil.which("flare", path=str(Path(sys.executable).parent)) is None, reason="flare is not a command"
)
@pytest.mark.parametrize("arguments", [["--version"], ["systems"]])
def test_the_command_itself(ran: Path, arguments: list[str]) -> None:
    command = [str(Path(sys.executable).parent / "flare"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not ran.exists()
