"""The source archive holds what its tests and its Justfile need."""

from __future__ import annotations

import ast
import tomllib

from tests.layout.imports import ROOT

BUILT = {"demo-output", "dist"}  # made by recipes


def included() -> set[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = settings["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    return {path.removeprefix("/") for path in listed}


def test_what_is_listed_is_there() -> None:
    assert [path for path in sorted(included()) if not (ROOT / path).exists()] == []


def test_packages_that_tests_import_are_in_it() -> None:
    imported = set()
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
    own = {name for name in imported if (ROOT / name).is_dir()}

    assert {"flarecli", "tests"} <= own
    assert own - included() == set()


def test_folders_that_the_justfile_names_are_in_it() -> None:
    text = (ROOT / "Justfile").read_text(encoding="utf-8")
    named = {path.name for path in ROOT.iterdir() if path.is_dir() and f"{path.name}/" in text}
    named |= {path.name for path in ROOT.iterdir() if path.is_dir() and f"-m {path.name}." in text}

    assert {"docs", "examples", "benchmarks"} <= named
    assert named - included() - BUILT - {".venv"} == set()
