"""Keys of cached cases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flarecli.datasets.organ_values import HOUSE_VALUES
from flarecli.errors import InputError
from flarecli.preprocessing.sources import Source, SourceState, case_key


def test_the_key_follows_content_and_settings_and_not_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("scan")
    (tmp_path / "b").write_text("labels")
    shutil.copy(tmp_path / "a", tmp_path / "c")
    scan, labels, copy = (Source.of(tmp_path / name) for name in "abc")
    key = case_key(scan, labels, HOUSE_VALUES, {"spacing_mm": 2.0})
    assert case_key(copy, labels, HOUSE_VALUES, {"spacing_mm": 2.0}) == key
    assert case_key(labels, scan, HOUSE_VALUES, {"spacing_mm": 2.0}) != key
    assert case_key(scan, labels, HOUSE_VALUES, {"spacing_mm": 1.0}) != key
    assert case_key(scan, labels, HOUSE_VALUES.with_background([5]), {"spacing_mm": 2.0}) != key


def test_folders_of_slices(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.dcm").write_text(str(number))
    before, state = Source.of(tmp_path), SourceState.of(tmp_path)
    assert state.size_bytes == 3
    assert Source.from_dict(before.as_dict()) == before
    (tmp_path / "1.dcm").write_text("x")
    assert Source.of(tmp_path).sha256 != before.sha256


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        SourceState.of(tmp_path / "nothing")
