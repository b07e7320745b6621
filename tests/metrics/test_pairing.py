"""Predictions find their ground truth by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from flarecli.errors import InputError
from flarecli.metrics.pairing import (
    inventory_of_labels,
    label_files,
    names_one_file,
    pair_cases,
    pair_inventories,
    pair_literally,
)


def _files(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return label_files(str(folder))


def test_folders_pair_with_or_without_channel(tmp_path: Path) -> None:
    preds = _files(tmp_path / "pred", "b_0000.nii.gz", "a.nii", "extra.nii.gz", ".hidden.nii.gz", "notes.txt")
    gts = _files(tmp_path / "gt", "a.nii.gz", "b.nii.gz", "c.nii.gz")
    pairs, unmatched = pair_cases(preds, gts)
    found = [(pair.name, pair.pred and pair.pred.name) for pair in pairs]
    assert found == [("a.nii.gz", "a.nii"), ("b.nii.gz", "b_0000.nii.gz"), ("c.nii.gz", None)]
    assert unmatched == ["extra.nii.gz"]


def test_two_files_pair_whatever_their_names(tmp_path: Path) -> None:
    (pred,) = _files(tmp_path / "pred", "x.nii.gz")
    (gt,) = _files(tmp_path / "gt", "y.nii.gz")
    named = inventory_of_labels(str(pred)), inventory_of_labels(str(gt))
    for literal, name in ((False, "y.nii.gz"), (True, "x.nii.gz")):
        pairs, unmatched = pair_inventories(*named, literal=literal)
        assert [(pair.name, pair.pred, pair.gt) for pair in pairs] == [(name, pred, gt)]
        assert unmatched == []


@pytest.mark.parametrize(
    ("pred", "gt"), [("pred", "gt"), ("pred/x.nii.gz", "gt"), ("pred", "gt/y.nii.gz"), ("p*/*", "gt")]
)
def test_one_file_in_a_folder_or_pattern_is_paired_by_name(tmp_path: Path, pred: str, gt: str) -> None:
    _files(tmp_path / "pred", "x.nii.gz")
    _files(tmp_path / "gt", "y.nii.gz")
    found = inventory_of_labels(str(tmp_path / pred)), inventory_of_labels(str(tmp_path / gt))
    assert [names_one_file(inventory) for inventory in found] == [location.endswith(".gz") for location in (pred, gt)]
    with pytest.raises(InputError, match="no prediction has the name"):
        pair_inventories(*found)
    pairs, _ = pair_inventories(*found, literal=True)
    assert [(pair.name, pair.gt) for pair in pairs] == [("x.nii.gz", None)]


def test_literally_only_existing_predictions_pair_by_their_very_name(tmp_path: Path) -> None:
    preds = _files(tmp_path / "pred", "a.nii.gz", "b_0000.nii.gz")
    gts = _files(tmp_path / "gt", "a.nii.gz", "b.nii.gz", "c.nii.gz")
    pairs = pair_literally(preds, gts)
    assert [(pair.name, pair.gt and pair.gt.name) for pair in pairs] == [
        ("a.nii.gz", "a.nii.gz"),
        ("b_0000.nii.gz", None),
    ]


def test_glob_patterns_name_files(tmp_path: Path) -> None:
    _files(tmp_path / "mixed", "a.nii.gz", "a_0000.nii.gz", "b.nii.gz")
    found = label_files(str(tmp_path / "mixed" / "?.nii.gz"))
    assert [path.name for path in found] == ["a.nii.gz", "b.nii.gz"]


def test_relative_glob_patterns_name_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _files(tmp_path / "mixed", "a.nii.gz")
    monkeypatch.chdir(tmp_path)
    assert label_files("mix*/*.nii.gz") == [Path("mixed/a.nii.gz")]


def test_mismatched_names_are_said(tmp_path: Path) -> None:
    preds = _files(tmp_path / "pred", "x1.nii.gz", "x2.nii.gz")
    gts = _files(tmp_path / "gt", *(f"y{number}.nii.gz" for number in range(5)))
    with pytest.raises(InputError, match=r"no prediction has the name.*seen: x1.*expected: y0.* and 2 more"):
        pair_cases(preds, gts)


def test_two_files_of_one_case_are_refused(tmp_path: Path) -> None:
    gts = _files(tmp_path / "gt", "a.nii.gz", "b.nii.gz")
    preds = _files(tmp_path / "pred", "a.nii.gz", "a_0000.nii.gz")
    with pytest.raises(InputError, match=r"same case.*a\.nii\.gz and a_0000\.nii\.gz"):
        pair_cases(preds, gts)


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("empty", "is an empty folder"),
        ("texts", r"nothing that can be used.*b\.nii\.bz2"),
        ("absent", "does not exist"),
        ("a*.nii", "matches nothing"),
        ("a\0", "is not a path"),
    ],
)
def test_nothing_to_score_is_refused(tmp_path: Path, location: str, problem: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "b.nii.bz2").touch()
    with pytest.raises(InputError, match=problem):
        label_files(str(tmp_path / location))


def test_every_format_is_a_label_map_and_pairs_by_case(tmp_path: Path) -> None:
    preds = _files(tmp_path / "pred", "a.nrrd", "b_0000.mha", "c.nii.gz", "d.mhd", "d.raw")
    gts = _files(tmp_path / "gt", "a.nii.gz", "b.nii", "c.nrrd", "d.hdr", "d.img")
    pairs, unmatched = pair_cases(preds, gts)
    assert [(pair.pred and pair.pred.name) for pair in pairs] == ["a.nrrd", "b_0000.mha", "c.nii.gz", "d.mhd"]
    assert unmatched == []


def test_links_to_nothing_are_cases(tmp_path: Path) -> None:
    _files(tmp_path / "gt", "a.nii.gz")
    (tmp_path / "gt" / "b.nii.gz").symlink_to(tmp_path / "nothing")
    inventory = inventory_of_labels(str(tmp_path / "gt"))
    assert [path.name for path in inventory.files] == ["a.nii.gz", "b.nii.gz"]
    assert [path.name for path in inventory.readable()] == ["a.nii.gz"]
