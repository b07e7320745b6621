"""The checksum of the code behind training arrays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import flarecli
from flarecli.preprocessing import code_digest as module
from flarecli.preprocessing.code_digest import code_digest

ARRAYS = "flarecli.preprocessing.isotropic"


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's sources that may be changed."""
    copy = tmp_path / "flarecli"
    shutil.copytree(Path(flarecli.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module.flarecli, "__file__", str(copy / "__init__.py"))
    return copy


@pytest.mark.parametrize(
    "changed",
    ["preprocessing/isotropic.py", "resample/axis.py", "volume/hounsfield.py", "datasets/checks.py", "geometry.py"],
)
def test_code_that_arrays_depend_on_counts(sources: Path, changed: str) -> None:
    before = code_digest(ARRAYS)
    with (sources / changed).open("a") as file:
        file.write("\n_MORE = 1\n")
    module._parsed.cache_clear()
    assert code_digest(ARRAYS) != before


@pytest.mark.parametrize("changed", ["engine/runtime.py", "training/loop.py", "cli/predict.py", "errors.py"])
def test_other_code_does_not(sources: Path, changed: str) -> None:
    before = code_digest(ARRAYS)
    with (sources / changed).open("a") as file:
        file.write("\n_MORE = 1\n")
    module._parsed.cache_clear()
    assert code_digest(ARRAYS) == before


def test_comments_and_docstrings_do_not(sources: Path) -> None:
    before = code_digest(ARRAYS)
    path = sources / "resample" / "axis.py"
    path.write_text("# a comment\n" + path.read_text().replace('"""', '"""Changed. ', 1))
    module._parsed.cache_clear()
    assert code_digest(ARRAYS) == before


def test_versions_of_the_packages_that_compute_are_part_of_it() -> None:
    assert {"code", "numpy"} <= set(code_digest(ARRAYS))
