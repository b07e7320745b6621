"""Scores that several processes share: failures are kept where the label maps are the reason only."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from flarecli.errors import InstallationError
from flarecli.files import sources
from flarecli.metrics import case as scored_case
from flarecli.metrics.case import CaseEvaluation, EvaluationStatus
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair
from flarecli.metrics.protocol import FLARE21, Metric
from flarecli.metrics.shared import SharedScores
from tests.metrics.label_files import blobs, save_labels

SETTINGS = EvaluationSettings(FLARE21, (Metric.DSC,))


def pair_of(folder: Path, name: str = "a.nii.gz") -> CasePair:
    return CasePair(name, save_labels(folder / "pred" / name, blobs()), save_labels(folder / "gt" / name, blobs()))


def evaluated(folder: Path, pair: CasePair) -> CaseEvaluation:
    (found,) = SharedScores(folder / "scores", SETTINGS).evaluations([pair])
    return found[1]


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "scores").iterdir())


@pytest.mark.parametrize(
    "refusal",
    [
        MemoryError(),
        OSError(5, "Input/output error"),
        PermissionError(13, "Permission denied"),
        InstallationError("pydicom is not installed", remedy=""),
    ],
)
def test_what_a_host_refuses_is_scored_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    pair = pair_of(tmp_path)

    def refused(*_: object) -> None:
        raise refusal

    with monkeypatch.context() as patch:
        patch.setattr(scored_case, "score_organs", refused)
        assert evaluated(tmp_path, pair).status is EvaluationStatus.FAILED
    assert kept(tmp_path) == []
    assert evaluated(tmp_path, pair).status is EvaluationStatus.SCORED
    assert kept(tmp_path) == ["a.nii.gz.json"]


def test_a_host_with_little_memory_or_without_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = pair_of(tmp_path)
    assert pair.pred is not None
    with monkeypatch.context() as patch:
        patch.setattr(sources, "available_bytes", lambda: 1.0)
        assert evaluated(tmp_path, pair).error is not None
    away = pair.pred.rename(tmp_path / "away")
    assert evaluated(tmp_path, pair).error is not None
    assert kept(tmp_path) == []
    away.rename(pair.pred)
    assert evaluated(tmp_path, pair).error is None


def test_label_maps_that_are_damaged_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = pair_of(tmp_path)
    assert pair.pred is not None
    pair.pred.write_bytes(b"no image")
    error = evaluated(tmp_path, pair).error
    assert error is not None
    assert kept(tmp_path) == ["a.nii.gz.json"]
    monkeypatch.setattr("flarecli.metrics.shared.evaluate_case", None)
    again = evaluated(tmp_path, pair).error
    assert again is not None
    assert again.as_dict() == error.as_dict()


def test_a_label_map_in_two_files_is_scored_anew_where_its_voxels_are_others_of_an_older_date(tmp_path: Path) -> None:
    """As `cp -p` and a restored backup leave them: the newest of both dates stays the same."""
    pair = pair_of(tmp_path)
    assert pair.pred is not None
    header, raw = pair.pred.with_name("a.mhd"), pair.pred.with_name("a.raw")
    voxels = blobs()
    image = sitk.GetImageFromArray(voxels.T)
    sitk.WriteImage(image, header)
    os.utime(header, (2_000_000_000, 2_000_000_000))
    moved = CasePair("a", header, save_labels(tmp_path / "gt" / "b.nii.gz", voxels, np.diag([-1.0, -1.0, 1.0, 1.0])))
    assert evaluated(tmp_path, moved).scores[Metric.DSC][0] == 1
    raw.write_bytes(bytes(raw.stat().st_size))
    os.utime(raw, (1_000_000_000, 1_000_000_000))
    assert evaluated(tmp_path, moved).scores[Metric.DSC][0] == 0


@pytest.mark.parametrize("length", [243, 247, 248])
def test_names_as_long_as_file_systems_take(tmp_path: Path, length: int) -> None:
    pair = pair_of(tmp_path, f"{'a' * length}.nii.gz")
    evaluation = evaluated(tmp_path, pair)
    assert evaluation.status is EvaluationStatus.SCORED
    assert len(kept(tmp_path)) == 1
    found = SharedScores(tmp_path / "scores", SETTINGS)._found(pair)
    assert found is not None
    assert np.array_equal(found.scores[Metric.DSC], evaluation.scores[Metric.DSC])
