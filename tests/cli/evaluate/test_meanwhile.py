"""A table or report that appears while cases are scored stays, unless --overwrite is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flarecli.metrics import evaluation
from tests.cli.evaluate.commands import evaluate
from tests.metrics.label_files import blobs, save_labels


@pytest.mark.parametrize(("option", "name"), [("--csv", "scores.csv"), ("--report", "report.html")])
def test_files_that_appear_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, name: str) -> None:
    pred = save_labels(tmp_path / "pred" / "a.nii.gz", blobs(shift=1))
    truth = save_labels(tmp_path / "truth" / "a.nii.gz", blobs())
    scored = evaluation.evaluate

    def score_and_write(*arguments: Any, **options: Any) -> Any:
        (tmp_path / name).write_text("mine")
        return scored(*arguments, **options)

    monkeypatch.setattr(evaluation, "evaluate", score_and_write)
    code, _, errors = evaluate(pred, truth, option, tmp_path / name)
    assert (code, (tmp_path / name).read_text()) == (3, "mine")
    assert "exists already" in errors
    assert evaluate(pred, truth, option, tmp_path / name, "--overwrite")[0] == 0
    assert (tmp_path / name).read_text() != "mine"
