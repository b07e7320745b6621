"""`flare predict` of trees, archives and DICOMDIRs with many series, and what works with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from flarecli.cli.main import app
from tests.dicom.collection.trees import put_localizer, put_series, put_tree, zipped
from tests.threshold_system import LIVER_HU

pytestmark = pytest.mark.usefixtures("threshold_system")


def flare(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def _records(folder: Path) -> dict[str, dict[str, object]]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def _stored(labels: Path) -> np.ndarray:
    return np.asarray(nibabel.load(labels).dataobj).T


@pytest.mark.parametrize("kind", ["tree", "zip"])
def test_every_series_becomes_a_case_with_the_labels_of_its_own_voxels(tmp_path: Path, kind: str) -> None:
    scans = put_tree(tmp_path / "tree")
    source = tmp_path / "tree" if kind == "tree" else zipped(tmp_path / "tree", tmp_path / "tree.zip")

    result = flare("predict", source, tmp_path / "out", "--name", "{PatientID}_{SeriesNumber}")

    assert result.exit_code == 0, result.output
    assert "left out: series_6_" in result.stderr
    assert "localizer" in result.stderr
    records = _records(tmp_path / "out")
    assert {name[:4] for name in records} == {"P1_4", "P1_5", "P2_4"}
    assert len(records) == 4
    written = [_stored(tmp_path / "out" / f"{name}.nii.gz") for name in records]
    for voxels in scans.values():
        assert sum(np.array_equal(labels, voxels > LIVER_HU) for labels in written) == 1
    assert not any("P1" in json.dumps(record["series"]) for record in records.values())


def test_default_names_hold_nothing_of_the_patient(tmp_path: Path) -> None:
    put_tree(tmp_path / "tree")

    assert flare("predict", tmp_path / "tree", tmp_path / "out").exit_code == 0

    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 8
    assert all(name.startswith("series_") for name in names)
    assert not any("P1" in name or "Name" in name for name in names)


def test_one_series_goes_into_a_file_and_several_are_refused_with_a_list(tmp_path: Path) -> None:
    scans = put_tree(tmp_path / "tree")

    result = flare("predict", tmp_path / "tree", tmp_path / "o.nii.gz")
    assert result.exit_code == 3
    assert "holds several CT series" in result.stderr
    assert result.stderr.count("5 mm thick, kernel B30f") == 5
    assert "left out: reformatted" in result.stderr

    result = flare("predict", tmp_path / "tree", tmp_path / "o.nii.gz", "--series", "5")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(_stored(tmp_path / "o.nii.gz"), scans["P1 late"] > LIVER_HU)

    result = flare("predict", tmp_path / "tree", tmp_path / "some", "--series", "4", "--name", "{PatientID}")
    assert result.exit_code == 0, result.output
    assert len(_records(tmp_path / "some")) == 3


@pytest.mark.parametrize("kind", ["tree", "zip"])
def test_a_run_is_resumed_and_a_changed_series_done_anew(tmp_path: Path, kind: str) -> None:
    put_tree(tmp_path / "tree")

    def source() -> Path:
        return tmp_path / "tree" if kind == "tree" else zipped(tmp_path / "tree", tmp_path / "tree.zip")

    assert flare("predict", source(), tmp_path / "out").exit_code == 0
    result = flare("predict", source(), tmp_path / "out", "--resume", "--json")
    assert [case["status"] for case in json.loads(result.stdout)] == ["skipped"] * 4

    put_series(tmp_path / "tree" / "p2", patient="P2", study="1.2.3", series="1.2.3.4", seed=9)
    result = flare("predict", source(), tmp_path / "out", "--resume", "--json")
    cases = json.loads(result.stdout)
    assert sorted(case["status"] for case in cases) == ["done", "skipped", "skipped", "skipped"]
    assert {case["redone"] for case in cases} == {None, "the scan has changed"}


def test_parts_and_lists_of_series(tmp_path: Path) -> None:
    put_tree(tmp_path / "tree")
    archive = zipped(tmp_path / "tree", tmp_path / "tree.zip")
    for part in ("1/2", "2/2"):
        assert flare("predict", archive, tmp_path / "out", "--part", part).exit_code == 0
    assert len(_records(tmp_path / "out")) == 4

    lines = [{"scan": str(archive), "series": 5, "name": "late"}, {"scan": str(tmp_path / "tree" / "p2"), "name": "p2"}]
    (tmp_path / "list").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    result = flare("predict", tmp_path / "listed", "--from", tmp_path / "list")
    assert result.exit_code == 0, result.output
    assert list(_records(tmp_path / "listed")) == ["late", "p2"]
    result = flare("predict", tmp_path / "listed", "--from", tmp_path / "list", "--resume", "--json")
    assert [case["status"] for case in json.loads(result.stdout)] == ["skipped", "skipped"]

    (tmp_path / "list").write_text(json.dumps({"scan": str(archive), "name": "many"}), encoding="utf-8")
    result = flare("predict", tmp_path / "listed", "--from", tmp_path / "list")
    assert result.exit_code == 4
    assert "holds several CT series" in result.stderr


def test_processes_share_an_archive(tmp_path: Path) -> None:
    put_tree(tmp_path / "tree")
    archive = zipped(tmp_path / "tree", tmp_path / "tree.zip")
    command = [sys.executable, "-m", "tests.shared_command", "0.1", "predict", archive, tmp_path / "out", "--share"]

    running = [subprocess.Popen([*map(str, command), "--json"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    lines = [line for process in running for line in process.communicate()[0].splitlines()]

    assert [process.returncode for process in running] == [0, 0]
    assert sorted(json.loads(line)["status"] for line in lines) == ["done"] * 4
    assert len(_records(tmp_path / "out")) == 4
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize("kind", ["tree", "zip"])
def test_dicom_objects_belong_to_the_study_of_each_case(tmp_path: Path, kind: str) -> None:
    pydicom = pytest.importorskip("pydicom")
    pytest.importorskip("highdicom", reason="needs the extra dicom: pip install 'flarecli[dicom]'")
    study = {"StudyDate": "20200101", "StudyTime": "101010", "StudyID": "1", "AccessionNumber": "1"}

    def change(dataset: object, _: int) -> None:
        for keyword, value in study.items():
            setattr(dataset, keyword, value)

    put_series(tmp_path / "tree" / "a", change=change)
    put_series(tmp_path / "tree" / "b", patient="P2", study="1.2.2", series="1.2.2.7", number=7, change=change)
    source = tmp_path / "tree" if kind == "tree" else zipped(tmp_path / "tree", tmp_path / "tree.zip")

    result = flare("predict", source, tmp_path / "out", "--dicom-seg", "--sr", "--name", "{SeriesNumber}")

    assert result.exit_code == 0, result.output
    for name, patient, uid in (("4", "P1", "1.2.1"), ("7", "P2", "1.2.2")):
        for ending in ("seg", "sr"):
            made = pydicom.dcmread(tmp_path / "out" / f"{name}.{ending}.dcm")
            assert (made.PatientID, made.StudyInstanceUID) == (patient, uid)


def test_a_series_with_a_fault_fails_alone(tmp_path: Path) -> None:
    put_tree(tmp_path / "tree")
    (tmp_path / "tree" / "p2" / "IM004.dcm").unlink()

    result = flare("predict", tmp_path / "tree", tmp_path / "out", "--json")

    assert result.exit_code == 4
    cases = json.loads(result.stdout)
    assert sorted(case["status"] for case in cases) == ["done", "done", "done", "failed"]
    assert [case["error"]["problem"] for case in cases if case["error"]] == ["slices are missing"]


def test_the_report_lists_series_without_a_result(tmp_path: Path) -> None:
    put_tree(tmp_path / "tree")
    flare("predict", tmp_path / "tree", tmp_path / "out", "--series", "4", "--name", "{PatientID}_{StudyInstanceUID}")

    result = flare("report", tmp_path / "out", "--scans", tmp_path / "tree", "--json")

    assert result.exit_code == 4
    assert sorted(case["status"] for case in json.loads(result.stdout)["cases"]) == ["done", "done", "done", "missing"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["out", "--name", "{Patient}"], "PatientID, PatientName"),
        (["o.nii.gz", "--name", "{PatientID}"], "for outputs in a folder"),
        (["out", "--series", "99"], "holds no such series"),
    ],
)
def test_wrong_choices_say_what_there_is(tmp_path: Path, options: list[str], expected: str) -> None:
    put_series(tmp_path / "tree" / "a")

    result = flare("predict", tmp_path / "tree", tmp_path / options[0], *options[1:])

    assert result.exit_code in (2, 3)
    assert expected in result.stderr
    assert not (tmp_path / "out").exists()


def test_options_for_series_need_dicom(tmp_path: Path) -> None:
    nibabel.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4)).to_filename(tmp_path / "a.nii.gz")
    for option in (["--series", "4"], ["--name", "{PatientID}"]):
        for source, out in ((tmp_path / "a.nii.gz", "o.nii.gz"), (tmp_path, "out")):
            result = flare("predict", source, tmp_path / out, *option)
            assert result.exit_code == 2
            assert "is for DICOM series" in result.stderr


def test_a_folder_of_slices_gives_one_case_in_a_folder(tmp_path: Path) -> None:
    put_series(tmp_path / "series")
    put_localizer(tmp_path / "series", name="A.dcm")

    result = flare("predict", tmp_path / "series", tmp_path / "out")

    assert result.exit_code == 0, result.output
    assert len(_records(tmp_path / "out")) == 1
