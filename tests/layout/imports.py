"""The imports of the source tree, read without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("flarecli", "flarecli_models")


@cache
def modules() -> dict[str, Path]:
    """Every module of the packages by its dotted name; a package stands for its `__init__`."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> dict[str, frozenset[str]]:
    """The modules of the packages that each module imports, anywhere in its text: also in functions and for types."""
    return {name: frozenset(_imported(path)) - {name} for name, path in modules().items()}


def layer_name(module: str) -> str:
    """What a module counts as in the order of layers: its package or module directly under `flarecli`."""
    parts = module.split(".")
    return parts[1] if parts[0] == "flarecli" and len(parts) > 1 else parts[0]


def names_imported(path: Path) -> Iterator[str]:
    """What a file imports, with its module, anywhere in its text: `package.module.name`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a module lives"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _imported(path: Path) -> Iterator[str]:
    return (_module_of(name) for name in names_imported(path) if name.split(".")[0] in PACKAGES)


def _module_of(name: str) -> str:
    while name not in modules():  # the name of a function or class, or of something that is made at run time
        name = name.rpartition(".")[0]
    return name
