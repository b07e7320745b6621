"""Every package that the code imports is one that an installation brings: required, or of an extra."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
OWN = ("flarecli", "flarecli_models")
NOT_FOR_USERS = ("dev", "docs")


def imported_modules() -> dict[str, str]:
    """Top-level modules that are imported anywhere, with a file that does."""
    found: dict[str, str] = {}
    for package in OWN:
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in _imports(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(name, str(path.relative_to(ROOT)))
    return {name: path for name, path in found.items() if name not in (*sys.stdlib_module_names, *OWN)}


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (str(part.value).partition(".")[0] for part in node.args[:1] if isinstance(part, ast.Constant))


def declared() -> set[str]:
    """Distributions that a user can get, by the names that they have among each other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    texts = [
        *project["dependencies"],
        *(text for extra in extras if extra not in NOT_FOR_USERS for text in extras[extra]),
    ]
    return {_normal(Requirement(text).name) for text in texts}


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")


def test_every_package_that_is_imported_is_declared() -> None:
    distributions = importlib.metadata.packages_distributions()
    known = declared()
    undeclared = {
        module: path
        for module, path in imported_modules().items()
        if module in distributions and not known & {_normal(name) for name in distributions[module]}
    }
    assert undeclared == {}


def test_imports_are_found() -> None:
    assert {"numpy", "keras", "openvino", "torch", "skimage", "cc3d"} <= set(imported_modules())
