"""Folders that can be written, and others."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def test_a_folder_below_one_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of another user; by a stand-in, because root may enter every folder."""

    def refusing(method: Callable[..., Any]) -> Callable[..., Any]:
        def refused(path: Path, **options: Any) -> Any:
            if path.is_relative_to(tmp_path / "private" / "cache"):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return method(path, **options)

        return refused

    for name in ("exists", "stat"):
        monkeypatch.setattr(Path, name, refusing(getattr(Path, name)))
    result = folder_check("weights folder", tmp_path / "private" / "cache" / "a", "Choose another.")
    assert result.verdict is CheckVerdict.warning
    assert result.seen == f"{tmp_path / 'private' / 'cache' / 'a'} cannot be looked at: {os.strerror(errno.EACCES)}"
    assert result.remedy == "Choose another."
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("FLARE_CACHE", str(tmp_path / "private" / "cache"))
    results = {result.subject: result for result in folder_checks()}
    assert "cannot be looked at" in results["cache folder"].seen


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs a second user")
def test_a_folder_below_one_of_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as own:  # mode 700
        for variable in ("FLARE_WEIGHTS", "FLARE_CACHE"):
            monkeypatch.setenv(variable, str(Path(own, "share", "x")))
        os.seteuid(65534)
        try:
            results = [folder_check("cache folder", Path(own, "share", "x"), "Choose another."), *folder_checks()]
        finally:
            os.seteuid(0)
    assert ["Permission denied" in result.seen for result in results[:3]] == [True] * 3


def test_no_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("FLARE_CACHE", "off")

    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    *_, result = folder_checks()
    assert (result.subject, result.verdict) == ("temporary folder", CheckVerdict.warning)
    assert "No usable temporary directory" in result.seen


def test_an_address_in_the_place_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_WEIGHTS", "s3://bucket/weights")
    monkeypatch.setenv("FLARE_CACHE", "gs://bucket/cache")
    monkeypatch.chdir(tmp_path)
    weights, cache, _ = folder_checks()
    assert {weights.verdict, cache.verdict} == {CheckVerdict.bad}
    assert weights.remedy == "Set FLARE_WEIGHTS to a folder of yours, or unset it."
    assert "FLARE_WEIGHTS is an address" in weights.seen
    assert "FLARE_CACHE is an address" in cache.seen


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
