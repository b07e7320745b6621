"""Pages that describe the code say what the code says."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import flarecli
from flarecli import errors
from tests.docs.tables import DOCS, rows

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

_VARIABLE = re.compile(
    r'"((?:FLARE|KERAS|CUDA|TF|ONEDNN|PYTHON)[A-Z_]+|(?:OMP|MKL|OPENBLAS)_NUM_THREADS|MPLCONFIGDIR)"'
)


def test_every_error_stands_on_its_page_with_kind_and_exit_code() -> None:
    documented = {cells[0]: (cells[1], int(cells[2])) for cells in rows("errors.md") if cells[0].endswith("Error")}
    defined = {
        cls.__name__: (cls.kind, cls.exit_code)
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, errors.FlareError) and cls is not errors.FlareError
    }

    assert documented == defined


def test_the_tree_of_errors_is_drawn_as_they_derive() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    tree = text.split("```text\n")[1].split("```")[0].splitlines()

    def drawn(base: type[errors.FlareError], depth: int = 0) -> Iterator[tuple[int, str]]:
        yield depth, base.__name__
        for cls in base.__subclasses__():
            if cls.__module__ == errors.__name__:
                yield from drawn(cls, depth + 1)

    assert [(line.index(line.lstrip("│├└─ ")) // 4, line.lstrip("│├└─ ")) for line in tree] == list(
        drawn(errors.FlareError)
    )


def test_exit_codes_of_errors_are_explained() -> None:
    explained = {cells[0] for cells in rows("errors.md")}

    assert {str(cls.exit_code) for cls in (errors.UsageError, errors.InputError, errors.InstallationError)} <= explained


def test_every_environment_variable_of_the_code_is_documented_and_no_other() -> None:
    text = (DOCS / "environment.md").read_text(encoding="utf-8")
    sources = [path for package in ("flarecli", "flarecli_models") for path in (ROOT / package).rglob("*.py")]
    used = {name for path in sources for name in _VARIABLE.findall(path.read_text(encoding="utf-8"))}

    assert {name for name in used if f"`{name}`" not in text} == set()
    assert set(re.findall(r"`(FLARE_[A-Z]+)`", text)) - used == set()


@pytest.mark.parametrize("group", ["plain", *PROJECT["optional-dependencies"]])
def test_every_dependency_has_its_reason(group: str) -> None:
    declared = PROJECT["dependencies"] if group == "plain" else PROJECT["optional-dependencies"][group]
    names = {re.split(r"[<>=!;\[ ]", requirement)[0] for requirement in declared}
    documented = {
        cells[0]
        for cells in rows("dependencies.md")
        if cells[0] != "package" and (len(cells) == 2 if group == "plain" else cells[1] == group)
    }

    assert documented == names


def test_the_version_stands_once() -> None:
    assert PROJECT["dynamic"] == ["version"]
    assert f"version: {flarecli.__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()


def test_fragments_of_the_changelog_are_named_as_its_maker_reads_them() -> None:
    towncrier = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
    kinds = "|".join(kind["directory"] for kind in towncrier["type"])
    names = {path.name for path in (ROOT / towncrier["directory"]).iterdir()} - {"README.md"}

    assert [name for name in names if not re.fullmatch(rf"\+[\w-]+\.({kinds})\.md", name)] == []
    assert towncrier["start_string"] in (ROOT / towncrier["filename"]).read_text(encoding="utf-8")
