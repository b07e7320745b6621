"""Folders that can be written, and others."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from flarecli.doctor import Verdict
from flarecli.doctor.folders import folder_finding, folder_findings


def test_a_folder_that_is_there(tmp_path: Path) -> None:
    finding = folder_finding("weights folder", tmp_path, "Choose another.")
    assert finding.verdict is Verdict.good
    assert finding.seen.startswith(f"{tmp_path}, ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_be_made_is_not_made(tmp_path: Path) -> None:
    finding = folder_finding("weights folder", tmp_path / "a" / "b", "Choose another.")
    assert finding.verdict is Verdict.good
    assert "(not there yet)" in finding.seen
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    finding = folder_finding("weights folder", tmp_path / "a" / "b", "Choose another.")
    assert finding.verdict is Verdict.warning
    assert finding.seen == f"{tmp_path / 'a'} is not a folder"
    assert finding.remedy == "Choose another."


def test_a_folder_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    finding = folder_finding("cache folder", tmp_path, "Choose another.")
    assert finding.verdict is Verdict.warning
    assert os.strerror(errno.ENOSPC) in finding.seen


def test_the_folders_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("FLARE_CACHE", str(tmp_path / "cache"))
    findings = {finding.subject: finding for finding in folder_findings()}
    assert list(findings) == ["weights folder", "cache folder", "temporary folder"]
    assert str(tmp_path / "weights") in findings["weights folder"].seen
    assert str(tmp_path / "cache") in findings["cache folder"].seen
    monkeypatch.setenv("FLARE_CACHE", "off")
    findings = {finding.subject: finding for finding in folder_findings()}
    assert findings["cache folder"].verdict is Verdict.note
