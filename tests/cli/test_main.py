"""The command as a whole."""

from __future__ import annotations

import subprocess
import sys

from typer.testing import CliRunner

from flarecli import __version__
from flarecli.cli.main import app

HEAVY = {"numpy", "scipy", "keras", "nibabel", "openvino", "tensorflow", "torch", "matplotlib", "skimage"}


def test_help_imports_nothing_heavy() -> None:
    program = "import flarecli.cli.main, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(loaded.split())


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.stdout == f"flare {__version__}\n"


def test_every_verb_explains_itself() -> None:
    runner = CliRunner()
    for verb in ("predict", "evaluate", "preprocess", "train", "phantom", "weights"):
        result = runner.invoke(app, [verb, "--help"])
        assert result.exit_code == 0, verb
        assert verb in result.stdout


def test_process_that_ends_at_once_loses_nothing() -> None:
    program = "import openvino, sys; from flarecli.cli.entry import main; sys.argv = ['flare', *sys.argv[1:]]; main()"
    for arguments, code, said in (["--version"], 0, __version__), (["predict", "--no-such-option"], 2, "no-such"):
        run = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
        assert run.returncode == code
        assert said in run.stdout + run.stderr
