"""DICOM objects, masks and meshes of the command, with what is refused."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.organs import KIDNEYS, LEFT_KIDNEY
from flarecli.prediction.dicom.garbage import collection_paused
from flarecli.systems.base import Segmentation
from tests.synthetic_ct import write_ct
from tests.threshold_system import ThresholdSystem

pydicom = pytest.importorskip("pydicom", reason="needs the extra dicom: pip install 'flarecli[dicom]'")
highdicom = pytest.importorskip("highdicom", reason="needs the extra dicom: pip install 'flarecli[dicom]'")

from tests.dicom.series_writer import AXIAL, write_series  # noqa: E402
from tests.prediction.dicom.outputs import Kidneys, Nothing, flare, said, use  # noqa: E402


@pytest.mark.parametrize("options", [(), ("--labelmap",)])
def test_out_may_be_a_dicom_segmentation(tmp_path: Path, options: tuple[str, ...]) -> None:
    write_series(tmp_path / "series")
    assert flare(tmp_path / "series", tmp_path / "o.nii.gz", "--dicom-seg", *options, "--sides").exit_code == 0
    ended = flare(tmp_path / "series", tmp_path / "alone" / "o.dcm", *options)
    assert ended.exit_code == 0, ended.output
    assert {path.name for path in (tmp_path / "alone").iterdir()} == {"o.dcm", "o.json"}
    alone, beside = pydicom.dcmread(tmp_path / "alone" / "o.dcm"), pydicom.dcmread(tmp_path / "o.seg.dcm")
    assert alone.PixelData == beside.PixelData
    assert alone.SOPInstanceUID == beside.SOPInstanceUID
    record = json.loads((tmp_path / "alone" / "o.json").read_text())
    assert record["labels"]["segmentation"] == ("LABELMAP" if options else "BINARY")
    numbers = {str(item.SegmentNumber): item.SegmentLabel for item in alone.SegmentSequence if item.SegmentNumber}
    assert record["labels"]["names"] == numbers == {"1": "liver", "2": "right kidney", "3": "left kidney"}
    again = flare(tmp_path / "series", tmp_path / "alone" / "o.dcm", *options, "--resume")
    assert "skipped" in again.output
    other = () if options else ("--labelmap",)
    changed = flare(tmp_path / "series", tmp_path / "alone" / "o.dcm", *other, "--resume")
    assert "BINARY then, LABELMAP now" in said(changed) or "LABELMAP then, BINARY now" in said(changed)


def test_a_segmentation_stands_beside_other_files(tmp_path: Path) -> None:
    write_series(tmp_path / "series")
    ended = flare(
        tmp_path / "series", tmp_path / "out" / "o.dcm", "--dicom-seg", "--rtstruct", "--sr", "--preview",
        tmp_path / "out" / "o.png", "--report", tmp_path / "report.html",
    )  # fmt: skip
    assert ended.exit_code == 0, ended.output
    assert "not written" not in ended.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"o.dcm", "o.json", "o.png", "o.rtstruct.dcm", "o.sr.dcm"}
    report = CliRunner().invoke(app, ["report", str(tmp_path / "out"), "--html", str(tmp_path / "again.html")])
    assert report.exit_code == 0, report.output
    assert "o.dcm" in (tmp_path / "again.html").read_text()
    collected = CliRunner().invoke(app, ["collect", str(tmp_path / "out"), "--statistics", str(tmp_path / "t.csv")])
    assert collected.exit_code == 0, collected.output
    assert "\no,2,right kidney," in (tmp_path / "t.csv").read_text()


def test_garbage_is_collected_again_after_objects_are_made() -> None:
    states = []
    with collection_paused():
        states.append(gc.isenabled())
        with collection_paused():
            pass
        states.append(gc.isenabled())
    with pytest.raises(ValueError, match="x"), collection_paused():
        raise ValueError("x")
    assert [*states, gc.isenabled()] == [False, False, True]


def test_a_segmentation_cannot_be_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Nothing())
    write_series(tmp_path / "series")
    ended = flare(tmp_path / "series", tmp_path / "o.dcm")
    assert ended.exit_code == 3
    assert "no organ was found, and a DICOM segmentation cannot be empty" in said(ended)
    assert not list(tmp_path.glob("o.*"))
    assert flare(tmp_path / "series", tmp_path / "o.nii.gz", "--dicom-seg").exit_code == 0
    assert not (tmp_path / "o.seg.dcm").exists()


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    series = tmp_path / "series"
    write_series(series)
    scan = write_ct(tmp_path / "scan.nii.gz")
    for arguments, code, text in (
        ((scan, tmp_path / "o.dcm"), 2, "needs a scan that is DICOM"),
        ((scan, tmp_path / "o.nii.gz", "--reference", series), 2, "a reference is of no use here"),
        ((series, tmp_path / "o.dcm", "--reference", series), 2, "a reference is of no use here"),
        ((scan, tmp_path / "o.dcm", "--reference", tmp_path / "none"), 3, "the reference does not exist"),
        ((scan, tmp_path / "o.dcm", "--reference", scan), 3, "is not a DICOM series"),
        ((series, tmp_path / "o.nii.gz", "--labelmap"), 2, "no DICOM segmentation that could be a LABELMAP"),
        ((series, tmp_path / "o.nii.gz", "--labelmap", "--rtstruct"), 2, "that could be a LABELMAP"),
        ((series, tmp_path / "o.dcm", "--split"), 2, "masks are not written as DICOM"),
        ((series, series / "o.dcm"), 2, "would lie among the slices"),
        ((series, series / "o.nii.gz", "--sr"), 2, "would lie among the slices"),
        ((scan, series / "o.dcm", "--reference", series), 2, "would lie among the slices"),
    ):
        ended = flare(*arguments)
        assert ended.exit_code == code, ended.output
        assert text in said(ended)
    assert Kidneys.segmented == 0


SPOILT = {
    "no frame of reference": ({"FrameOfReferenceUID": None}, "no FrameOfReferenceUID"),
    "an identifier that is none": ({"StudyInstanceUID": "1.2.x"}, "StudyInstanceUID"),
    "slices of two patients": ({"PatientID": lambda k: f"SECRET-{k}"}, "several values of PatientID"),
}


@pytest.mark.filterwarnings(r"ignore::UserWarning:pydicom(\.|$)")
@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("out", [("o.dcm",), ("o.nii.gz", "--rtstruct")])
def test_what_makes_results_impossible_is_found_before_anything_is_computed(
    tmp_path: Path, name: str, out: tuple[str, ...]
) -> None:
    changes, seen = SPOILT[name]

    def spoil(dataset: Any, k: int) -> None:
        for keyword, value in changes.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value(k) if callable(value) else value)

    write_series(tmp_path / "series", each=spoil)
    ended = flare(tmp_path / "series", tmp_path / out[0], *out[1:])
    assert ended.exit_code == 3, ended.output
    assert seen in said(ended)
    assert "SECRET" not in ended.output
    assert Kidneys.segmented == 0
    assert flare(tmp_path / "series", tmp_path / "plain.nii.gz").exit_code == 0


def test_nothing_of_the_patient_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """highdicom warns of names of one part, and names them; values that are left out are not shown."""

    def odd(dataset: Any, k: int) -> None:
        dataset.PatientName, dataset.PatientSex = "SECRETPERSON", "SECRET"

    write_series(tmp_path / "series", each=odd)
    ended = flare(tmp_path / "series", tmp_path / "o.nii.gz", "--dicom-seg", "--rtstruct", "--sr")
    assert ended.exit_code == 0, ended.output
    assert "left out of the DICOM results: PatientSex" in said(ended)
    printed = capfd.readouterr()
    assert "SECRET" not in ended.output + printed.out + printed.err + (tmp_path / "o.json").read_text()
    assert pydicom.dcmread(tmp_path / "o.seg.dcm").PatientName == "SECRETPERSON"


def test_a_report_alone_says_what_it_refers_to(tmp_path: Path) -> None:
    write_series(tmp_path / "series")
    alone = flare(tmp_path / "series", tmp_path / "o.nii.gz", "--sr")
    assert "refers to a DICOM segmentation that was not written: add --dicom-seg" in said(alone)
    both = flare(tmp_path / "series", tmp_path / "p.nii.gz", "--sr", "--dicom-seg")
    assert "was not written" not in both.output
    named = pydicom.dcmread(tmp_path / "o.sr.dcm").CurrentRequestedProcedureEvidenceSequence[0]
    written = pydicom.dcmread(tmp_path / "p.seg.dcm")
    (instance,) = named.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert instance.ReferencedSOPInstanceUID == written.SOPInstanceUID


def test_sides_are_meshes_and_masks_of_their_own(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    scan = write_ct(tmp_path / "scan.nii.gz")
    ended = flare(scan, tmp_path / "o.nii.gz", "--mesh", "glb", "--split", "--sides")
    assert ended.exit_code == 0, ended.output
    names = {path.name for path in tmp_path.glob("o_*")}
    organs = ("liver", "right_kidney", "left_kidney")
    assert names == {f"o_{organ}.nii.gz" for organ in (*organs, "spleen", "pancreas")} | {
        f"o_{organ}.glb" for organ in organs
    }
    right, left = (trimesh.load(tmp_path / f"o_{side}_kidney.glb", force="mesh") for side in ("right", "left"))
    assert right.centroid[0] > left.centroid[0]  # world RAS
    record = json.loads((tmp_path / "o.json").read_text())
    for mesh, name in ((right, "right kidney"), (left, "left kidney")):
        assert mesh.volume / 1000 == pytest.approx(record["organs"][name]["volume_ml"], rel=0.01)
    assert record["files"]["pancreas_mesh"] is None


def test_kidneys_that_are_connected_are_flagged_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Horseshoe(ThresholdSystem):
        def segment(self, volume, networks, region, steps) -> Segmentation:  # type: ignore[no-untyped-def]
            found = super().segment(volume, networks, region, steps)
            found.labels[:] = 0
            found.labels[3:6, 3:6, 1:-1] = KIDNEYS
            return found

    use(monkeypatch, Horseshoe())
    write_series(tmp_path / "series", orientation=AXIAL)
    ended = flare(
        tmp_path / "series", tmp_path / "o.nii.gz", "--dicom-seg", "--rtstruct", "--sr", "--statistics",
        tmp_path / "t.json",
    )  # fmt: skip
    assert ended.exit_code == 0, ended.output
    assert "horseshoe kidney?" in said(ended)
    rows = {row["name"]: row for row in json.loads((tmp_path / "t.json").read_text())}
    assert [rows[name]["fused"] for name in ("right kidney", "left kidney", "liver")] == [True, True, False]
    assert [rows[name]["label"] for name in ("right kidney", "left kidney")] == [KIDNEYS, LEFT_KIDNEY]
    segments = pydicom.dcmread(tmp_path / "o.seg.dcm").SegmentSequence
    assert [item.SegmentDescription for item in segments] == [
        "connected with the other kidney; separated at the spine"
    ] * 2
    regions = pydicom.dcmread(tmp_path / "o.rtstruct.dcm").StructureSetROISequence
    assert all("connected with the other kidney" in region.ROIDescription for region in regions)
    for group in highdicom.sr.srread(tmp_path / "o.sr.dcm").content.get_volumetric_roi_measurement_groups():
        found = {item.name.value: item.value.value for item in group.get_qualitative_evaluations()}
        assert found["KIDNEYS"] == "KIDNEYS_FUSED"
        assert found["QC_VERDICT"] == "QC_FAILED"  # by anatomy: a few millilitres
