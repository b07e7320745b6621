"""Labelled pairs whose scans are DICOM in folders, archives and on media."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from flarecli.datasets.layouts import find_dataset
from flarecli.datasets.organ_values import OrganValues
from flarecli.preprocessing import tasks
from flarecli.preprocessing.run import check_dataset, preprocess
from flarecli.preprocessing.sources import Source
from flarecli.volume import read_volume, write_labels
from tests.dicom.collection.trees import put_localizer, put_series, zipped


def test_pairs_of_trees_and_archives_are_checked_and_known_again(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    put_series(tree / "a" / "b")
    put_localizer(tree / "a")
    archive = zipped(tree, tmp_path / "scan.zip")
    volume = read_volume(tree)
    write_labels(tmp_path / "labels.nii.gz", (volume.voxels > 40).astype(np.uint8), volume)
    (tmp_path / "pairs.csv").write_text("tree,labels.nii.gz\nscan.zip,labels.nii.gz\n", encoding="utf-8")

    dataset = find_dataset(tmp_path / "pairs.csv", OrganValues({0: 0, 1: 1}))
    outcomes = check_dataset(dataset)

    assert [outcome.status.value for outcome in outcomes] == ["sound", "sound"], [
        finding.sentence for outcome in outcomes for finding in outcome.findings
    ]
    before = Source.of(tree), Source.of(archive)
    path = tree / "a" / "b" / "IM003.dcm"
    path.write_bytes(path.read_bytes()[:-2] + b"\0\0")
    assert Source.of(tree).sha256 != before[0].sha256
    assert Source.of(archive) == before[1]


def test_several_series_are_a_fault_that_lists_them(tmp_path: Path) -> None:
    put_series(tmp_path / "tree" / "a")
    put_series(tmp_path / "tree" / "b", series="1.2.1.5", number=5)
    volume = read_volume(tmp_path / "tree" / "a")
    write_labels(tmp_path / "labels.nii.gz", (volume.voxels > 40).astype(np.uint8), volume)
    (tmp_path / "pairs.csv").write_text("tree,labels.nii.gz\n", encoding="utf-8")

    (outcome,) = check_dataset(find_dataset(tmp_path / "pairs.csv", OrganValues({0: 0, 1: 1})))

    assert outcome.status.value == "faulty"
    (fault,) = [finding for finding in outcome.findings if "several CT series" in finding.sentence]
    assert "List the folder with the slices of that series alone" in str(fault.remedy)
    assert "--series" not in f"{fault.sentence} {fault.remedy}"


VALUES = OrganValues({0: 0, 1: 1})


def _pair_of_slices(folder: Path) -> Path:
    """A table whose scan is a folder of slices, the last of which is the newest; returns it."""
    put_series(folder / "scan")
    for number, path in enumerate(sorted((folder / "scan").iterdir())):
        os.utime(path, (1000 + number, 1000 + number))
    volume = read_volume(folder / "scan")
    write_labels(folder / "labels.nii.gz", (volume.voxels > 40).astype(np.uint8), volume)
    (folder / "pairs.csv").write_text("scan,labels.nii.gz\n", encoding="utf-8")
    return folder / "pairs.csv"


def _filled(table: Path, *, share: bool = False) -> str:
    (outcome,) = preprocess(find_dataset(table, VALUES), table.parent / "cache", "flarelite", share=share)
    return outcome.status.value


@pytest.mark.parametrize("share", [False, True])
def test_arrays_are_made_anew_where_slices_were_replaced_and_kept_their_times(tmp_path: Path, *, share: bool) -> None:
    table = _pair_of_slices(tmp_path)
    assert _filled(table, share=share) == "written"
    assert _filled(table, share=share) == "kept"
    path = tmp_path / "scan" / "IM003.dcm"
    path.write_bytes(path.read_bytes()[:-2] + b"\0\0")
    os.utime(path, (500, 500))
    assert _filled(table, share=share) == "written"


@pytest.mark.parametrize("share", [False, True])
def test_a_cache_of_a_former_version_is_compared_by_content_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, share: bool
) -> None:
    table = _pair_of_slices(tmp_path)
    _filled(table, share=share)
    path = next((tmp_path / "cache" / "cases").glob("*/case.json"))
    record = json.loads(path.read_text(encoding="utf-8"))
    for source in record["sources"]:
        del source["files"]
    path.write_text(json.dumps(record), encoding="utf-8")
    assert _filled(table, share=share) == "kept"

    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(tasks, "check_pair", fail)
    assert _filled(table, share=share) == "kept"
