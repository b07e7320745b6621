"""The command as a whole."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from flarecli import __version__
from flarecli.cli.main import VERBS, app
from flarecli.cli.startup.lazy_verbs import LazyVerb, Verb

HEAVY = {"numpy", "scipy", "keras", "nibabel", "openvino", "tensorflow", "torch", "matplotlib", "skimage"}


def test_help_imports_nothing_heavy() -> None:
    modules = ", ".join({verb.target.partition(":")[0] for verb in VERBS})
    program = f"import flarecli.cli.main, {modules}, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(loaded.split())


def test_help_imports_no_verb_and_no_pydantic() -> None:
    program = (
        "import atexit, sys; atexit.register(lambda: print('loaded', *sorted(sys.modules))); "
        "sys.argv = ['flare', '--help']; from flarecli.cli.main import app; app()"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    loaded = set(printed.rpartition("loaded ")[2].split())
    assert "flarecli.cli.main" in loaded
    assert not loaded & {"pydantic", *(verb.target.partition(":")[0] for verb in VERBS)}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_list_of_verbs_says_what_a_verb_says_of_itself(verb: Verb) -> None:
    command = LazyVerb(verb).command
    assert command.name == verb.name
    assert " ".join(command.help.split("\n\n")[0].split()) == verb.help


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
