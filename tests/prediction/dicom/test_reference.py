"""Results of a scan that was converted from a DICOM series belong to the study of that series."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from flarecli.dicom.header import Header, read_header
from flarecli.errors import UsageError
from flarecli.prediction.case import Case
from flarecli.prediction.dicom.study import study_of
from flarecli.prediction.output_options import OutputOptions, ReferenceSeries, check_options
from flarecli.volume import read_volume
from tests.synthetic_ct import ct_voxels

pydicom = pytest.importorskip("pydicom", reason="needs the extra dicom: pip install 'flarecli[dicom]'")
highdicom = pytest.importorskip("highdicom", reason="needs the extra dicom: pip install 'flarecli[dicom]'")

from tests.dicom.series_writer import SHAPE, write_series  # noqa: E402
from tests.prediction.dicom.outputs import Kidneys, as_nifti, flare, masks_of, said  # noqa: E402


@pytest.mark.parametrize("suffix", [".nii.gz", ".dcm"])
def test_a_reference_gives_the_study(tmp_path: Path, suffix: str) -> None:
    series = tmp_path / "series"
    orientation = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)  # sagittal slices
    write_series(series, orientation=orientation)
    objects = ("--dicom-seg", "--rtstruct", "--sr")
    assert flare(series, tmp_path / "own" / "o.nii.gz", *objects).exit_code == 0
    scan = as_nifti(series, tmp_path / "scan.nii.gz")
    ended = flare(scan, tmp_path / "out" / f"o{suffix}", *objects, "--reference", series)
    assert ended.exit_code == 0, ended.output
    segmentation = tmp_path / "out" / ("o.dcm" if suffix == ".dcm" else "o.seg.dcm")
    for own, made in (
        (tmp_path / "own" / "o.seg.dcm", segmentation),
        (tmp_path / "own" / "o.rtstruct.dcm", tmp_path / "out" / "o.rtstruct.dcm"),
        (tmp_path / "own" / "o.sr.dcm", tmp_path / "out" / "o.sr.dcm"),
    ):
        assert pydicom.dcmread(own).SOPInstanceUID == pydicom.dcmread(made).SOPInstanceUID
        assert pydicom.dcmread(made).PatientID == "SECRET-ID"
    record = (tmp_path / "out" / "o.json").read_text()
    assert "SECRET" not in record
    assert str(series) not in record
    arguments = (scan, tmp_path / "out" / f"o{suffix}", *objects, "--resume", "--reference")
    assert "skipped" in flare(*arguments, series).output
    other = tmp_path / "other"
    write_series(other, orientation=orientation, uid="1.2.3.5")
    assert "another reference" in said(flare(*arguments, other))


def test_a_reference_in_other_axes_is_the_same_place(tmp_path: Path) -> None:
    series = tmp_path / "series"
    write_series(series)
    assert flare(series, tmp_path / "own.nii.gz", "--dicom-seg").exit_code == 0

    def turned(image: Any) -> Any:
        return image.as_reoriented(nibabel.orientations.axcodes2ornt(("P", "I", "L")))

    scan = as_nifti(series, tmp_path / "scan.nii.gz", turned)
    assert flare(scan, tmp_path / "o.dcm", "--reference", series).exit_code == 0
    own, made = masks_of(tmp_path / "own.seg.dcm"), masks_of(tmp_path / "o.dcm")
    assert own.keys() == made.keys() == {"liver", "right kidney", "left kidney"}
    assert all(np.array_equal(own[name], made[name]) for name in own)


def moved(image: Any, step_mm: tuple[float, float, float]) -> Any:
    affine = np.array(image.affine)
    affine[:3, 3] += step_mm
    return nibabel.Nifti1Image(image.dataobj, affine, image.header)


ELSEWHERE = {
    "moved by half a millimetre": (lambda image: moved(image, (0.5, 0, 0)), "up to 0.50 mm apart"),
    "one slice less": (lambda image: image.slicer[:, :, 1:], "voxels"),
    "mirrored": (
        lambda image: nibabel.Nifti1Image(
            np.asarray(image.dataobj), image.affine @ np.diag([-1.0, 1.0, 1.0, 1.0]), image.header
        ),
        "mm apart",
    ),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_reference_that_lies_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    series = tmp_path / "series"
    write_series(series)
    change, seen = ELSEWHERE[name]
    scan = as_nifti(series, tmp_path / "scan.nii.gz", change)
    ended = flare(scan, tmp_path / "o.nii.gz", "--dicom-seg", "--reference", series)
    assert ended.exit_code == 3, ended.output
    assert "does not lie where the reference lies" in said(ended)
    assert seen in said(ended)
    assert Kidneys.segmented == 0
    assert not list(tmp_path.glob("o.*"))


def test_a_reference_of_the_same_grid_with_other_voxels_is_doubted(tmp_path: Path) -> None:
    write_series(tmp_path / "series")
    write_series(tmp_path / "late", np.roll(ct_voxels(SHAPE), 2, axis=2), uid="1.2.3.5")
    scan = as_nifti(tmp_path / "series", tmp_path / "scan.nii.gz")

    own = flare(scan, tmp_path / "own.dcm", "--reference", tmp_path / "series")
    foreign = flare(scan, tmp_path / "foreign.dcm", "--reference", tmp_path / "late")

    assert (own.exit_code, foreign.exit_code) == (0, 0)
    assert "differ" not in said(own)
    assert "voxels differ by more than 5 HU from those of the reference" in said(foreign)
    assert "those of the reference" in (tmp_path / "foreign.json").read_text()


def test_a_reference_with_several_series_says_what_to_name(tmp_path: Path) -> None:
    for number in (4, 5):
        write_series(tmp_path / "tree" / str(number), uid=f"1.2.3.{number}")
    scan = as_nifti(tmp_path / "tree" / "4", tmp_path / "scan.nii.gz")

    ended = flare(scan, tmp_path / "o.dcm", "--reference", tmp_path / "tree")

    assert ended.exit_code == 3
    assert "Name the folder with the slices of that series alone" in said(ended)
    assert "--series" not in said(ended)


def test_a_reference_is_within_a_tenth_of_a_voxel(tmp_path: Path) -> None:
    series = tmp_path / "series"
    write_series(series)
    scan = as_nifti(series, tmp_path / "scan.nii.gz", lambda image: moved(image, (0.2, 0.2, 0.2)))
    assert flare(scan, tmp_path / "o.dcm", "--reference", series).exit_code == 0


def test_references_of_a_folder_of_scans(tmp_path: Path) -> None:
    for uid, name in (("1.2.3.4", "a"), ("1.2.3.5", "b")):
        write_series(tmp_path / "references" / name, uid=uid)
        (tmp_path / "scans").mkdir(exist_ok=True)
        as_nifti(tmp_path / "references" / name, tmp_path / "scans" / f"{name}_0000.nii.gz")
    arguments = (tmp_path / "scans", tmp_path / "out", "--dicom-seg", "--reference", tmp_path / "references")
    ended = flare(*arguments)
    assert ended.exit_code == 0, ended.output
    series = {
        name: pydicom.dcmread(tmp_path / "out" / f"{name}.seg.dcm").ReferencedSeriesSequence[0].SeriesInstanceUID
        for name in ("a", "b")
    }
    assert series == {"a": "1.2.3.4", "b": "1.2.3.5"}
    shared = flare(*arguments[:1], tmp_path / "shared", *arguments[2:], "--share")
    assert shared.exit_code == 0, shared.output
    assert len(list((tmp_path / "shared").glob("*.seg.dcm"))) == 2
    useless = flare(*arguments[:1], tmp_path / "other", "--reference", tmp_path / "references")
    assert "a reference is of no use here" in said(useless)
    (tmp_path / "references" / "b").rename(tmp_path / "references" / "c")
    missing = flare(*arguments, "--overwrite")
    assert missing.exit_code == 3
    assert "the reference does not exist" in said(missing)


def test_the_headers_of_a_reference_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = tmp_path / "series"
    write_series(series)
    volume = read_volume(as_nifti(series, tmp_path / "scan.nii.gz"))
    times: Counter[Path] = Counter()

    def counting(path: Path) -> Header | None:
        times[path] += 1
        return read_header(path)

    monkeypatch.setattr("flarecli.dicom.inventory.read_header", counting)
    study = study_of(volume, series)
    assert study.is_reference
    assert not study.warnings
    assert times == dict.fromkeys(series.iterdir(), 1)


@pytest.mark.parametrize("name", ["scan.img", "scan.hdr", "SCAN.IMG", "scan", "scan.dat", "scan.nii.gz"])
def test_scans_of_other_formats_are_told_by_their_content(tmp_path: Path, name: str) -> None:
    series = tmp_path / "series"
    write_series(series)
    scan = tmp_path / name
    plain = as_nifti(series, tmp_path / "plain.nii.gz")
    if name.lower().endswith((".img", ".hdr")):
        nibabel.save(nibabel.load(plain), tmp_path / name.lower())
        for path in tmp_path.glob("scan.*"):
            path.rename(path.with_name(path.name.upper() if name.isupper() else path.name))
    else:
        plain.rename(scan)
    case = Case("scan", scan, tmp_path / "out" / "o.nii.gz")
    with pytest.raises(UsageError, match="needs a scan that is DICOM"):
        check_options([case], OutputOptions(dicom=("seg",)))
    referring = OutputOptions(dicom=("seg",), reference=ReferenceSeries(series))
    check_options([case], referring)
    assert referring.reference_of(case) == series
    study = referring.study_of(case, read_volume(scan))
    assert study is not None
    assert study.is_reference


@pytest.mark.parametrize("name", ["scan.dcm", "scan", "scan.nii"])
def test_a_dicom_file_is_dicom_whatever_its_name(tmp_path: Path, name: str) -> None:
    write_series(tmp_path / "series")
    scan = next((tmp_path / "series").iterdir()).rename(tmp_path / name)
    case = Case("scan", scan, tmp_path / "out" / "o.nii.gz")
    check_options([case], OutputOptions(dicom=("seg",)))
    referring = OutputOptions(dicom=("seg",), reference=ReferenceSeries(tmp_path / "series"))
    with pytest.raises(UsageError, match="a reference is of no use here"):
        check_options([case], referring)


@pytest.mark.parametrize("content", [None, b"neither"])
def test_what_cannot_be_read_fails_when_its_turn_comes(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "scan").write_bytes(content)
    check_options([Case("scan", tmp_path / "scan", tmp_path / "o.nii.gz")], OutputOptions(dicom=("seg",)))
