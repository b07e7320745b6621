"""Files of the source that pages name are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_TREES = ("flarecli", "flarecli_models", "tests", "benchmarks", "examples", "docs")
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)+)`")


def named_paths(page: Path) -> Iterator[str]:
    """Paths in code font: all that begin in a tree of the source; on the page about its layout every other one, too."""
    for path in _PATH.findall(page.read_text(encoding="utf-8")):
        if path.split("/")[0] in _TREES or page.name == "layout.md":
            yield path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_are_there(page: Path) -> None:
    made = ("benchmarks/results", "docs/_build")
    missing = [
        path
        for path in named_paths(page)
        if not (ROOT / path).exists() and not (ROOT / "flarecli" / path).exists() and not path.startswith(made)
    ]

    assert missing == []


def test_paths_are_found() -> None:
    assert len(list(named_paths(ROOT / "docs" / "layout.md"))) > 50
    assert "flarecli/errors.py" in list(named_paths(ROOT / "CONTRIBUTING.md"))
