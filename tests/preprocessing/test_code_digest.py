"""The checksum of the code behind training arrays."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import flarecli
from flarecli.preprocessing import code_digest as module
from flarecli.preprocessing.code_digest import code_digest

ARRAYS = "flarecli.preprocessing.isotropic"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the package's sources that may be changed."""
    copy = tmp_path_factory.mktemp("sources") / "flarecli"
    shutil.copytree(Path(flarecli.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.flarecli, "__file__", str(copy / "__init__.py"))
        yield copy


@pytest.fixture(scope="module")
def unchanged(sources: Path) -> dict[str, str]:
    """The checksum of the sources as they are."""
    return code_digest(ARRAYS)


def _digest_with(path: Path, change: Callable[[str], str]) -> dict[str, str]:
    """The checksum while this file is changed."""
    text = path.read_text()
    path.write_text(change(text))
    module._parsed.cache_clear()
    try:
        return code_digest(ARRAYS)
    finally:
        path.write_text(text)
        module._parsed.cache_clear()


def _with_more(text: str) -> str:
    return text + "\n_MORE = 1\n"


@pytest.mark.parametrize(
    "changed",
    ["preprocessing/isotropic.py", "resample/axis.py", "volume/hounsfield.py", "datasets/checks.py", "geometry.py"],
)
def test_code_that_arrays_depend_on_counts(sources: Path, unchanged: dict[str, str], changed: str) -> None:
    assert _digest_with(sources / changed, _with_more) != unchanged


@pytest.mark.parametrize("changed", ["engine/runtime.py", "training/learning/loop.py", "cli/predict.py", "errors.py"])
def test_other_code_does_not(sources: Path, unchanged: dict[str, str], changed: str) -> None:
    assert _digest_with(sources / changed, _with_more) == unchanged


def test_comments_and_docstrings_do_not(sources: Path, unchanged: dict[str, str]) -> None:
    changed = _digest_with(
        sources / "resample" / "axis.py", lambda text: "# a comment\n" + text.replace('"""', '"""Changed. ', 1)
    )
    assert changed == unchanged


def test_versions_of_the_packages_that_compute_are_part_of_it() -> None:
    assert {"code", "numpy"} <= set(code_digest(ARRAYS))
