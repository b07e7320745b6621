"""What several modules of tests need has a module of its own: none takes it from the tests of something else."""

from __future__ import annotations

import re

import pytest

from tests.layout.imports import ROOT, names_imported

_TEST_MODULE = re.compile(r"\btests(?:\.\w+)*\.test_\w+")


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_nothing_is_imported_from_a_test_module(folder: str) -> None:
    """Nor named in a string, as in a program that a test writes."""
    wrong = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        names = [*names_imported(path), *_TEST_MODULE.findall(path.read_text(encoding="utf-8"))]
        wrong += [f"{path.relative_to(ROOT)}: {name}" for name in names if _TEST_MODULE.match(name)]

    assert wrong == [], "move what is shared to a module that is named for it"
