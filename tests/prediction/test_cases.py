"""Which scans are paired with which outputs."""

from pathlib import Path

import pytest

from flarecli.errors import InputError, UsageError
from flarecli.prediction.cases import find_cases


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_file_to_file(tmp_path: Path) -> None:
    scan = tmp_path / "scan_0000.nii.gz"
    touch(scan)
    (case,) = find_cases(scan, tmp_path / "out" / "organs.nii.gz")
    assert case.scan == scan
    assert case.labels == tmp_path / "out" / "organs.nii.gz"
    assert case.record == tmp_path / "out" / "organs.json"
    assert case.organ_file("liver") == tmp_path / "out" / "organs_liver.nii.gz"


def test_folder_keeps_names_and_drops_the_channel(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    touch(
        scans / "b_0000.nii.gz",
        scans / "a.nii",
        scans / "c.mhd",
        scans / "notes.txt",
        scans / ".hidden.nii.gz",
    )
    cases = find_cases(scans, tmp_path / "out")
    assert [case.name for case in cases] == ["a", "b", "c"]
    assert [case.labels.name for case in cases] == ["a.nii", "b.nii.gz", "c.mha"]


def test_folder_without_images_is_one_scan(tmp_path: Path) -> None:
    slices = tmp_path / "series"
    touch(slices / "0001.dcm", slices / "0002.dcm")
    (case,) = find_cases(slices, tmp_path / "organs.nii.gz")
    assert case.scan == slices


def test_clash_of_two_scans(tmp_path: Path) -> None:
    touch(tmp_path / "scans" / "a.nii.gz", tmp_path / "scans" / "a_0000.nii.gz")
    with pytest.raises(InputError, match=r"a\.nii\.gz and a_0000\.nii\.gz"):
        find_cases(tmp_path / "scans", tmp_path / "out")


def test_output_that_does_not_fit(tmp_path: Path) -> None:
    scan = tmp_path / "scans" / "a.nii.gz"
    touch(scan)
    with pytest.raises(UsageError, match="must be an image file"):
        find_cases(scan, tmp_path / "out")
    with pytest.raises(UsageError, match="must be a folder"):
        find_cases(scan.parent, tmp_path / "out.nii.gz")
    with pytest.raises(UsageError, match="replace the scan itself"):
        find_cases(scan, scan)
    with pytest.raises(UsageError, match="folder of the scans"):
        find_cases(scan.parent, scan.parent)
    with pytest.raises(InputError, match="does not exist"):
        find_cases(tmp_path / "missing.nii.gz", tmp_path / "out.nii.gz")
