"""Folders that environment variables name."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.errors import UsageError
from flarecli.files.cache_folder import cache_folder
from flarecli.files.named_folders import folder_named_by
from flarecli.weights.store import user_root


@pytest.mark.parametrize(("value", "folder"), [(None, None), ("", None), ("weights", "weights"), ("C:/w", "C:/w")])
def test_what_a_variable_names(value: str | None, folder: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLARE_WEIGHTS", raising=False)
    if value is not None:
        monkeypatch.setenv("FLARE_WEIGHTS", value)
    assert folder_named_by("FLARE_WEIGHTS") == folder


@pytest.mark.parametrize(("variable", "find"), [("FLARE_WEIGHTS", user_root), ("FLARE_CACHE", cache_folder)])
def test_an_address_is_no_folder(variable: str, find: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "s3://jane:secret@bucket/folder?token=secret")
    with pytest.raises(UsageError, match=variable) as caught:
        find()  # type: ignore[operator]
    assert caught.value.seen == f"{variable}=s3://...@bucket/folder"
    assert variable in str(caught.value.remedy)


def test_nothing_is_predicted_with_weights_of_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLARE_WEIGHTS", "s3://bucket/weights")
    nibabel.save(nibabel.Nifti1Image(np.zeros((64, 64, 64), np.int16), np.diag([4, 4, 4, 1])), "ct.nii.gz")
    for arguments in (["predict", "ct.nii.gz", "labels.nii.gz"], ["systems"], ["weights", "list"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 2, arguments
    assert "FLARE_WEIGHTS is an address" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["ct.nii.gz"]


def test_doctor_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from flarecli.doctor.examination import weights_check

    monkeypatch.setenv("FLARE_WEIGHTS", "s3://bucket/weights")
    result = weights_check()
    assert result.verdict == "bad"
    assert "FLARE_WEIGHTS is an address" in result.seen
