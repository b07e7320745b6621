"""DICOM objects, meshes and sides as `flare predict` writes them."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from flarecli.cli.main import app
from flarecli.files.unfinished import PREFIX
from flarecli.organs import KIDNEYS, LEFT_KIDNEY
from flarecli.systems.base import Segmentation
from tests.synthetic_ct import write_ct
from tests.threshold_system import ThresholdSystem

pydicom = pytest.importorskip("pydicom", reason="needs the extra dicom: pip install 'flarecli[dicom]'")
highdicom = pytest.importorskip("highdicom", reason="needs the extra dicom: pip install 'flarecli[dicom]'")

from tests.dicom.series_writer import SHAPE, write_multi_frame, write_series  # noqa: E402


class Kidneys(ThresholdSystem):
    """Calls the left half of the soft tissue kidney, too; on the right side liver only."""

    def segment(self, volume, networks, region, steps) -> Segmentation:  # type: ignore[no-untyped-def]
        found = super().segment(volume, networks, region, steps)
        found.labels[:, :, : volume.voxels.shape[2] // 3][found.labels[:, :, : volume.voxels.shape[2] // 3] == 1] = (
            KIDNEYS
        )
        return found


@pytest.fixture(autouse=True)
def system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: Kidneys())


def flare(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


ALL = ("--dicom-seg", "--rtstruct", "--sr", "--mesh", "stl", "--sides", "--split")


def test_everything_of_a_series(tmp_path: Path) -> None:
    write_series(tmp_path / "series")
    out = tmp_path / "out"
    ended = flare(tmp_path / "series", out / "o.nii.gz", *ALL)
    assert ended.exit_code == 0, ended.output
    record = json.loads((out / "o.json").read_text())
    written = {file["file"] for file in record["files"].values() if file is not None}
    assert written | {"o.json", "o.nii.gz"} == {path.name for path in out.iterdir()}
    assert record["labels"]["names"] == {
        "0": "background", "1": "liver", "2": "right kidney", "3": "spleen", "4": "pancreas", "5": "left kidney"
    }  # fmt: skip
    assert record["files"]["pancreas_mesh"] is None
    labels = np.asarray(nibabel.load(out / "o.nii.gz").dataobj)
    assert set(np.unique(labels)) == {0, 1, LEFT_KIDNEY}
    segmentation = highdicom.seg.segread(out / "o.seg.dcm")
    assert [item.SegmentLabel for item in segmentation.SegmentSequence] == ["liver", "left kidney"]
    assert segmentation.PatientID == "SECRET-ID"
    structures = pydicom.dcmread(out / "o.rtstruct.dcm")
    assert [roi.ROIName for roi in structures.StructureSetROISequence] == ["liver", "left kidney"]
    report = highdicom.sr.srread(out / "o.sr.dcm")
    assert len(report.content.get_volumetric_roi_measurement_groups()) == 2
    assert "SECRET" not in (out / "o.json").read_text()
    again = flare(tmp_path / "series", out / "o.nii.gz", *ALL, "--resume")
    assert "skipped" in again.output
    changed = flare(tmp_path / "series", out / "o.nii.gz", *ALL[:-2], "--resume")
    assert "apart then, together now" in " ".join(changed.output.split())


@pytest.mark.parametrize("options", [("--dicom-seg",), ("--rtstruct", "--sr"), ("--dicom-seg", "--labelmap")])
def test_dicom_objects_without_sides_are_resumed(tmp_path: Path, options: tuple[str, ...]) -> None:
    write_series(tmp_path / "series")
    arguments = (tmp_path / "series", tmp_path / "o.nii.gz", *options)
    assert flare(*arguments).exit_code == 0
    assert "5" not in json.loads((tmp_path / "o.json").read_text())["labels"]["names"]
    assert "skipped" in flare(*arguments, "--resume").output
    assert "skipped" in flare(*arguments[:2], "--resume").output
    assert "together then, apart now" in " ".join(flare(*arguments, "--sides", "--resume").output.split())


def test_a_segmentation_of_the_other_kind_is_made_anew(tmp_path: Path) -> None:
    write_series(tmp_path / "series")
    arguments = (tmp_path / "series", tmp_path / "o.nii.gz", "--dicom-seg")
    assert flare(*arguments).exit_code == 0
    again = flare(*arguments, "--labelmap", "--resume")
    assert "its DICOM segmentation was not made" in " ".join(again.output.split())
    assert pydicom.dcmread(tmp_path / "o.seg.dcm").SegmentationType == "LABELMAP"


def test_uids_repeat(tmp_path: Path) -> None:
    write_series(tmp_path / "series")
    uids = []
    for name in ("a", "b"):
        assert (
            flare(tmp_path / "series", tmp_path / f"{name}.nii.gz", "--dicom-seg", "--rtstruct", "--sr").exit_code == 0
        )
        made = [pydicom.dcmread(tmp_path / f"{name}.{kind}.dcm") for kind in ("seg", "rtstruct", "sr")]
        uids.append([(str(each.SeriesInstanceUID), str(each.SOPInstanceUID)) for each in made])
    assert uids[0] == uids[1]
    assert len(set(uids[0])) == 3


def test_a_mesh_of_an_organ_that_is_no_longer_found_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    assert flare(scan, tmp_path / "o.nii.gz", "--mesh", "obj").exit_code == 0
    assert (tmp_path / "o_kidneys.obj").exists()
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())
    assert flare(scan, tmp_path / "o.nii.gz", "--mesh", "obj", "--overwrite").exit_code == 0
    assert not (tmp_path / "o_kidneys.obj").exists()
    assert (tmp_path / "o_liver.obj").exists()


@pytest.mark.parametrize("option", ["--dicom-seg", "--rtstruct", "--sr"])
def test_dicom_objects_need_dicom(tmp_path: Path, option: str) -> None:
    ended = flare(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "o.nii.gz", option)
    assert ended.exit_code == 2
    assert "needs a scan that is DICOM" in ended.output
    assert not list(tmp_path.glob("o.*"))


@pytest.mark.parametrize(
    ("options", "package"), [(["--mesh", "glb"], "trimesh"), (["--sr"], "highdicom"), (["--dicom-seg"], "highdicom")]
)
def test_missing_packages_are_named_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], package: str
) -> None:
    monkeypatch.setattr(
        "flarecli.prediction.output_options.find_spec", lambda name: None if name == package else object()
    )
    write_series(tmp_path / "series")
    ended = flare(tmp_path / "series", tmp_path / "o.nii.gz", *options)
    assert ended.exit_code == 5
    assert f"needs {package}" in ended.output


def test_identifiers_that_are_missing(tmp_path: Path) -> None:
    def without_frame(dataset: object, k: int) -> None:
        del dataset.FrameOfReferenceUID  # type: ignore[attr-defined]

    write_series(tmp_path / "series", each=without_frame)
    ended = flare(tmp_path / "series", tmp_path / "o.nii.gz", "--dicom-seg")
    assert ended.exit_code == 3
    assert "no FrameOfReferenceUID" in ended.output
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(("o.", PREFIX))]


def test_contours_of_a_multi_frame_scan_name_their_frames(tmp_path: Path) -> None:
    write_multi_frame(tmp_path / "scan.dcm")
    ended = flare(tmp_path / "scan.dcm", tmp_path / "o.nii.gz", "--dicom-seg", "--rtstruct", "--sr")
    assert ended.exit_code == 0, ended.output
    source = pydicom.dcmread(tmp_path / "scan.dcm")
    positions = [float(frame.PlanePositionSequence[0].ImagePositionPatient[2]) for frame in _frames(source)]
    for region in pydicom.dcmread(tmp_path / "o.rtstruct.dcm").ROIContourSequence:
        for contour in region.ContourSequence:
            (image,) = contour.ContourImageSequence
            assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
            assert positions[image.ReferencedFrameNumber - 1] == pytest.approx(float(contour.ContourData[2]), abs=0.01)


def _frames(dataset: object) -> list:
    return list(dataset.PerFrameFunctionalGroupsSequence)  # type: ignore[attr-defined]


def test_results_of_a_tilted_scan_lie_on_its_rectangular_grid(tmp_path: Path) -> None:
    angle = np.radians(12)
    orientation = (1.0, 0.0, 0.0, 0.0, float(np.cos(angle)), float(-np.sin(angle)))
    write_series(tmp_path / "series", orientation=orientation, step_lps=(0.0, 0.0, 5.0))
    ended = flare(tmp_path / "series", tmp_path / "o.nii.gz", "--dicom-seg", "--rtstruct")
    assert ended.exit_code == 0, ended.output
    image = nibabel.load(tmp_path / "o.nii.gz")
    labels_kji = np.asarray(image.dataobj).T
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine @ np.eye(4)[:, [2, 1, 0, 3]]
    found = highdicom.seg.segread(tmp_path / "o.seg.dcm").get_volume(combine_segments=True)
    back = found.match_geometry(highdicom.Volume(labels_kji, lps, "PATIENT"), tol=1e-3).array
    assert np.array_equal(back > 0, labels_kji > 0)
    for region in pydicom.dcmread(tmp_path / "o.rtstruct.dcm").ROIContourSequence:
        assert all("ContourImageSequence" not in contour for contour in region.ContourSequence)


def test_a_scan_in_several_multi_frame_files(tmp_path: Path) -> None:
    from flarecli.dicom.results.sources import source_series
    from flarecli.errors import InputError

    files = [tmp_path / "a.dcm", tmp_path / "b.dcm"]
    for path in files:
        write_multi_frame(path)
    with pytest.raises(InputError, match="several multi-frame files"):
        source_series(files, None)
    assert len(source_series([files[0]] * SHAPE[0], None).headers) == 1
