"""Signals that come while files are written: nothing is half-written, and the next run ends as if nothing had been."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flarecli.cli.startup.signals import interruption_behind
from flarecli.files.unfinished import PREFIX
from tests.folder_content import content
from tests.forked_process import run_forked
from tests.synthetic_ct import write_cts

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
NEVER = 10_000
"""A flush that no run comes to."""


def flare(*arguments: object, ending: int = signal.SIGINT, at_flush: int = NEVER) -> subprocess.CompletedProcess[str]:
    return run_forked("tests.interrupted_command", int(ending), at_flush, *arguments, timeout=60)


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob(f"{PREFIX}*"))


@pytest.fixture(autouse=True)
def hangups_are_noticed() -> Iterator[None]:
    """Processes started here do not inherit that a hangup is ignored, as under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cts(tmp_path_factory.mktemp("scans"), 3)


@pytest.fixture(scope="module")
def undisturbed(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed") / "out"
    assert flare("predict", scans, folder, "--split").returncode == 0
    return content(folder)


@pytest.mark.parametrize("at_flush", [1, 4, 6, 8])
@pytest.mark.parametrize("ending", SIGNALS)
def test_predict(
    scans: Path, undisturbed: dict[str, bytes], tmp_path: Path, ending: signal.Signals, at_flush: int
) -> None:
    out = tmp_path / "out"
    stopped = flare("predict", scans, out, "--split", ending=ending, at_flush=at_flush)
    if ending == signal.SIGKILL:
        assert stopped.returncode == -signal.SIGKILL
    else:
        assert stopped.returncode == 128 + ending, stopped.stderr
        assert "interrupted; no file is left half-written" in stopped.stderr
        assert "--resume" in stopped.stderr
        assert "Traceback" not in stopped.stderr
        assert parts(out) == []
    for name, written in content(out).items():
        if PREFIX not in name:
            assert written == undisturbed[name]
    again = flare("predict", scans, out, "--split", "--resume")
    assert again.returncode == 0, again.stderr
    assert content(out) == undisturbed


@pytest.mark.parametrize("ending", SIGNALS)
def test_evaluate(scans: Path, undisturbed: dict[str, bytes], tmp_path: Path, ending: signal.Signals) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    for name in ("s00.nii.gz", "s01.nii.gz"):
        (labels / name).write_bytes(undisturbed[name])
    table = tmp_path / "tables" / "scores.csv"
    arguments = ("evaluate", labels, labels, "--csv", table, "--jobs", 1)
    stopped = flare(*arguments, ending=ending, at_flush=1)
    assert stopped.returncode in (-signal.SIGKILL, 128 + ending)
    assert not table.exists()
    assert (parts(tmp_path) == []) == (ending != signal.SIGKILL)
    assert flare(*arguments).returncode == 0
    assert [path.name for path in table.parent.iterdir()] == ["scores.csv"]


def test_a_signal_before_anything_is_imported() -> None:
    program = (
        "import sys, os, signal\n"
        "import flarecli.cli.entry as entry\n"
        "class Late:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Late())\n"
        "sys.argv = ['flare', '--version']\n"
        "entry.main()\n"
    )
    stopped = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert stopped.returncode == 128 + signal.SIGTERM
    assert stopped.stderr == "interrupted\n"


def test_signals_that_are_ignored_stay_ignored(tmp_path: Path) -> None:
    program = (
        "import signal, os; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "from flarecli.cli.startup.signals import handle_ending_signals; handle_ending_signals();"
        "os.kill(os.getpid(), signal.SIGHUP); print('on')"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "on\n"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_outside_of_what_reports_errors(ending: signal.Signals) -> None:
    program = (
        "import os, sys, time, typer\n"
        "import flarecli.cli.entry as entry, flarecli.cli.main as main\n"
        "main.app = typer.Typer(pretty_exceptions_enable=False)\n"
        "@main.app.command()\n"
        "def verb():\n"
        f"    os.kill(os.getpid(), {int(ending)}); time.sleep(9)\n"
        "sys.argv = ['flare']\n"
        "entry.main()\n"
    )
    stopped = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert stopped.returncode == 128 + ending
    assert stopped.stderr == "interrupted\n"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("place", ["caught", "finalizer"])
def test_a_signal_whose_exception_is_swallowed(ending: signal.Signals, place: str) -> None:
    swallowing = {
        "caught": f"try:\n    os.kill(os.getpid(), {int(ending)}); time.sleep(9)\nexcept BaseException:\n    pass\n",
        "finalizer": (
            f"class Thing:\n    def __del__(self):\n        os.kill(os.getpid(), {int(ending)}); time.sleep(9)\n"
            "thing = Thing()\ndel thing\n"
        ),
    }
    program = (
        "import os, sys, time\n"
        "from flarecli.cli.startup.signals import exit_code_of, handle_ending_signals\n"
        "handle_ending_signals()\nsys.unraisablehook = lambda *_: None\n"
        f"{swallowing[place]}"
        "try:\n    time.sleep(9)\nexcept KeyboardInterrupt as interruption:\n    code = exit_code_of(interruption)\n"
        "time.sleep(0.3)\nsys.exit(code)\n"
    )
    stopped = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert stopped.returncode == 128 + ending, stopped.stderr
    assert stopped.stderr == ""


def test_no_interruption_behind_errors_that_are_a_circle() -> None:
    first, second = ValueError(), KeyError()
    first.__context__, second.__context__ = second, first
    assert interruption_behind(first) is None
    third, interruption = SystemExit(), KeyboardInterrupt()
    third.__context__, first.__context__ = second, interruption
    assert interruption_behind(third) is interruption


def test_an_error_ends_the_command_at_once(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    ended = flare("predict", tmp_path / "none.nii.gz", tmp_path / "o.nii.gz", "--weights", tmp_path / "w")
    assert ended.returncode == 3
