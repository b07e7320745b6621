"""Folders that can be written, and others."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from flarecli.doctor import CheckVerdict
from flarecli.doctor.folders import folder_check, folder_checks


def test_a_folder_that_is_there(tmp_path: Path) -> None:
    result = folder_check("weights folder", tmp_path, "Choose another.")
    assert result.verdict is CheckVerdict.good
    assert result.seen.startswith(f"{tmp_path}, ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_be_made_is_not_made(tmp_path: Path) -> None:
    result = folder_check("weights folder", tmp_path / "a" / "b", "Choose another.")
    assert result.verdict is CheckVerdict.good
    assert "(not there yet)" in result.seen
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    result = folder_check("weights folder", tmp_path / "a" / "b", "Choose another.")
    assert result.verdict is CheckVerdict.warning
    assert result.seen == f"{tmp_path / 'a'} is not a folder"
    assert result.remedy == "Choose another."


def test_a_folder_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    result = folder_check("cache folder", tmp_path, "Choose another.")
    assert result.verdict is CheckVerdict.warning
    assert os.strerror(errno.ENOSPC) in result.seen


def test_the_folders_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("FLARE_CACHE", str(tmp_path / "cache"))
    results = {result.subject: result for result in folder_checks()}
    assert list(results) == ["weights folder", "cache folder", "temporary folder"]
    assert str(tmp_path / "weights") in results["weights folder"].seen
    assert str(tmp_path / "cache") in results["cache folder"].seen
    monkeypatch.setenv("FLARE_CACHE", "off")
    results = {result.subject: result for result in folder_checks()}
    assert results["cache folder"].verdict is CheckVerdict.note
