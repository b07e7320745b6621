"""Checksum of the code that determines training arrays: arrays that other code has made are made again."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import flarecli

_CHECKS = "flarecli.datasets.checks"
"""Reads a pair and decides whether it can be used."""

_WITHOUT_EFFECT = (
    "flarecli.cli",
    "flarecli.engine",
    "flarecli.errors",
    "flarecli.files",
    "flarecli.hardware",
    "flarecli.measures",
    "flarecli.systems.base",
    "flarecli.systems.components",
)
"""Imported modules that do not change arrays: they check, find files, or run networks."""

_PACKAGES = {"numpy": "numpy", "scipy": "scipy", "skimage": "scikit-image"}
"""Packages that compute arrays, by the name under which they are imported."""


def code_digest(module: str) -> dict[str, str]:
    """Checksum of the code behind a system's arrays, and versions of the packages that it computes with.

    The code is that of the module, of the checks of pairs, and of every module of `flarecli` that these import, also
    indirectly or within functions. Comments, docstrings and line breaks do not count.

    Args:
        module: Name of the module that makes the arrays.

    Raises:
        OSError: when a source file cannot be read.
    """
    digest = hashlib.sha256()
    packages: set[str] = set()
    todo, seen = [module, _CHECKS], {module, _CHECKS}
    for name in todo:
        path = _source(name)
        if path is None:
            continue
        for other in _parsed(path)[1]:
            if other.split(".")[0] in _PACKAGES:
                packages.add(_PACKAGES[other.split(".")[0]])
            elif other.startswith("flarecli.") and not other.startswith(_WITHOUT_EFFECT) and other not in seen:
                seen.add(other)
                todo.append(other)
    for name in sorted(seen):
        path = _source(name)
        if path is not None:
            digest.update(f"{name} {_parsed(path)[0]}\n".encode())
    return {"code": digest.hexdigest(), **{package: _version(package) for package in sorted(packages)}}


def _source(name: str) -> Path | None:
    """The file of a module or package of `flarecli`; None for another name, such as that of a class."""
    path = Path(flarecli.__file__).parent.joinpath(*name.split(".")[1:])
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@cache
def _parsed(path: Path) -> tuple[str, tuple[str, ...]]:
    """Checksum of a file's code, and the names that it imports."""
    tree = ast.parse(path.read_bytes())
    imported = tuple(_imported(tree))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            del body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imported


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
