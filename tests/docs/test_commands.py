"""Commands of README and documentation: all are accepted, and those of the tutorial run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from flarecli.cli.main import VERBS
from flarecli.cli.startup.lazy_verbs import LazyVerb

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LANGUAGES = ("console", "bash", "sh", "")
_INDENTED = re.compile(r"(?:^(?: {4}|\t)\S.*\n)+", re.MULTILINE)
_CALL = re.compile(r"(?:^|(?<=[\s;|&(]))flare (?=[a-z-])")
_SHELL = {"|", "||", "&&", ";", ">", "2>", ":::"}
_CALLED = {"flare": "-m flarecli", "python": ""}
_ALTERNATIVES = re.compile(r"\b[\w.-]+(?:\|[\w.-]+)+")  # RUN|FILE stands for one of both


def fenced_blocks(text: str) -> list[str]:
    """The code of a shell between fences."""
    return [code for language, code in _FENCED.findall(text) if language in _LANGUAGES]


def lines_of_code(page: Path) -> Iterator[str]:
    """The lines of fenced and of indented code blocks of a shell, without prompt and comment."""
    text = page.read_text(encoding="utf-8")
    for block in [*fenced_blocks(text), *_INDENTED.findall(_FENCED.sub("", text))]:
        for line in block.replace("\\\n", " ").splitlines():
            yield re.sub(r"(^|\s)#.*", "", line.strip().removeprefix("$ "))


def commands(page: Path) -> Iterator[str]:
    """What these lines call of flare, also behind a pipe or in a loop."""
    for line in lines_of_code(page):
        for call in _CALL.finditer(line):
            yield line[call.start() :].strip()


DOCUMENTED = [(page.name, command) for page in PAGES for command in commands(page) if page.name != "command_line.md"]


def accepted(command: str) -> None:
    """Read the arguments as the command does, and do nothing; an exception says what is wrong with them."""
    words = shlex.split(_ALTERNATIVES.sub(lambda choice: choice[0].split("|")[0], command), comments=True)
    end = next((place for place, word in enumerate(words) if word in _SHELL), len(words))
    words = words[:end]
    name, arguments = words[1], words[2:]
    if name.startswith("--"):
        return
    found: Any = LazyVerb(next(verb for verb in VERBS if verb.name == name)).command
    if arguments and arguments[0] in getattr(found, "commands", {}):
        found, arguments = found.commands[arguments[0]], arguments[1:]
    found.make_context(name, arguments)


@pytest.mark.parametrize(("page", "command"), DOCUMENTED, ids=[f"{page}: {command}" for page, command in DOCUMENTED])
def test_a_documented_command_is_accepted(page: str, command: str) -> None:
    accepted(command)


def test_commands_are_found_and_wrong_ones_refused() -> None:
    assert len(DOCUMENTED) > 50
    for wrong in ("flare predict scan.nii.gz organs.nii.gz --nonsense", "flare collect results", "flare nonsense"):
        with pytest.raises(Exception, match=r"(?i)no such option|missing argument|") as raised:
            accepted(wrong)
        assert raised.value.__class__.__name__ in {"NoSuchOption", "MissingParameter", "StopIteration"}


def test_scripts_and_recipes_of_pages_are_there() -> None:
    lines = [line for page in PAGES for line in lines_of_code(page)]
    scripts = {found for line in lines for found in re.findall(r"python ((?:examples|docs|tests)/\S+\.py)", line)}
    recipes = {found for line in lines for found in re.findall(r"(?:^|&& )just ([a-z-]+)", line)}
    known = set(
        re.findall(r"^([a-z-]+)(?: \*arguments)?:", (ROOT / "Justfile").read_text(encoding="utf-8"), re.MULTILINE)
    )

    assert [script for script in sorted(scripts) if not (ROOT / script).is_file()] == []
    assert {"demo", "test"} <= recipes
    assert recipes - known == set()


@pytest.mark.skipif(keras.backend.backend() != "openvino", reason="once is enough")
def test_the_tutorial_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    script = ["set -e", *(f'{name}() {{ "{sys.executable}" {name_as} "$@"; }}' for name, name_as in _CALLED.items())]
    script += fenced_blocks((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    finished = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert {"organs.nii.gz", "organs.json", "organs.png", "organs.csv", "results/phantom_ct.nii.gz"} <= made
