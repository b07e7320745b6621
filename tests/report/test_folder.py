"""Every scan of a folder becomes a case of the report, also one whose record is damaged, foreign or missing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.measures.calibration import CALIBRATIONS
from flarecli.prediction.cases import Case
from flarecli.prediction.scan_content import ScanContent, content_of
from flarecli.prediction.sharing.failed_cases import write_failure
from flarecli.report.cases import Status
from flarecli.report.folder import results_in
from flarecli.report.page import by_doubt
from tests.report.results import judged, make_record, measured, save_labels, save_result
from tests.synthetic_ct import write_ct


def statuses(folder: Path, **asked: Path) -> dict[str, tuple[str, str]]:
    return {case.name: (str(case.status), case.problem) for case in results_in(folder, **asked).cases}  # type: ignore[arg-type]


def test_a_record_becomes_a_case_with_its_files(tmp_path: Path) -> None:
    record = make_record("a")
    record["files"]["liver_mask"] = {"file": "a_liver.nii.gz", "sha256": "4"}
    record["files"]["liver_mesh"] = None
    save_result(tmp_path, record)
    (tmp_path / "a_liver.nii.gz").write_bytes((tmp_path / "a.nii.gz").read_bytes())
    (case,) = results_in(tmp_path).cases
    assert (case.name, case.status, case.judgement) == ("a", Status.DONE, "good")
    assert case.labels == tmp_path / "a.nii.gz"
    assert case.preview == tmp_path / "a.png"
    assert case.further == (tmp_path / "a_liver.nii.gz",)
    assert (case.seconds, case.peak_mb) == (4.0, 800.0)
    assert case.weights == "starter (locate, refine)"
    assert [organ.volume_ml for organ in case.organs] == [1500.0, 300.0, 200.0, 80.0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "its record is damaged"),
        ("", "its record is damaged"),
        ("[" * 100_000, "its record is damaged"),
        (json.dumps({**make_record("b"), "record_version": 1}), "its record is of another version of flare"),
        (json.dumps({**make_record("b"), "organs": {}}), "its record is damaged"),
        (json.dumps({**make_record("b"), "warnings": [1]}), "its record is damaged"),
        (
            json.dumps(measured(make_record("b"), "liver", volume_ml=1e300)),
            "its record holds figures that no scan has",
        ),
        (
            json.dumps(make_record("b", steps=[{"name": "read", "wall_s": -1.0}])),
            "its record holds figures that no scan has",
        ),
        (json.dumps(make_record("a")), "its record is of another label map"),
        (json.dumps(make_record("../b")), "its record is of another label map"),
        (None, "its record is missing"),
    ],
)
def test_what_cannot_be_read_is_a_case_that_says_so(tmp_path: Path, content: str | None, problem: str) -> None:
    save_result(tmp_path, make_record("a"))
    path = save_result(tmp_path, make_record("b"))
    path.unlink() if content is None else path.write_text(content)
    assert statuses(tmp_path) == {"a": ("done", ""), "b": ("unreadable", problem)}
    assert results_in(tmp_path).cases[1].preview == tmp_path / "b.png"  # it still can be looked at


def test_a_label_map_that_is_gone_is_said(tmp_path: Path) -> None:
    save_result(tmp_path, make_record("a"))
    (tmp_path / "a.nii.gz").unlink()
    assert statuses(tmp_path) == {"a": ("unreadable", "its label map is missing")}


def test_a_label_map_that_was_renamed_is_named(tmp_path: Path) -> None:
    save_result(tmp_path, make_record("a"))
    (tmp_path / "a.nii.gz").rename(tmp_path / "z.nii.gz")
    assert statuses(tmp_path) == {
        "a": ("unreadable", "its label map is missing (z.nii.gz has its content)"),
        "z": ("unreadable", "its record is missing"),
    }


def test_a_label_map_that_was_changed_since_its_record_has_no_verdict_and_no_figures(tmp_path: Path) -> None:
    record = make_record("a")
    record["files"]["liver_mask"] = {"file": "a_liver.nii.gz", "sha256": "4"}
    save_result(tmp_path, record)
    (tmp_path / "a_liver.nii.gz").write_bytes((tmp_path / "a.nii.gz").read_bytes())
    save_result(tmp_path, make_record("b"))
    before = results_in(tmp_path).cases[0]
    assert (before.judgement, before.checksum) == ("good", record["labels"]["sha256"])
    checksum = save_labels(tmp_path / "a.nii.gz", np.ones((12, 10, 8), np.uint8))  # as another program saves it
    changed, sound = results_in(tmp_path).cases
    assert (changed.name, changed.status, changed.judgement) == ("a", Status.CHANGED, "changed")
    assert changed.problem.startswith("the label map was changed since its record")
    assert (changed.organs, changed.kidneys, changed.verdict, changed.seconds) == ((), (), None, None)
    assert changed.checksum == checksum != before.checksum  # marks of the earlier label map are not those of this one
    assert (changed.labels, changed.scan) == (tmp_path / "a.nii.gz", "/scans/a_0000.nii.gz")
    assert changed.preview is None  # its outlines are those of the earlier label map
    assert sound.judgement == "good"
    assert [case.name for case in by_doubt([sound, changed])] == ["a", "b"]


def test_a_label_map_without_a_usable_record_is_known_by_its_content(tmp_path: Path) -> None:
    save_result(tmp_path, make_record("a")).unlink()
    checksums = [
        (
            save_labels(tmp_path / "a.nii.gz", np.full((4, 4, 4), label, np.uint8)),
            results_in(tmp_path).cases[0].checksum,
        )
        for label in (1, 2)
    ]
    assert all(content == shown for content, shown in checksums)
    assert len(set(checksums)) == 2


def test_a_label_map_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(path)

    save_result(tmp_path, make_record("a"))
    monkeypatch.setattr("flarecli.report.folder.sha256_of", refuse)
    assert statuses(tmp_path) == {"a": ("unreadable", "its label map cannot be read")}


def test_a_fifo_in_the_place_of_a_label_map_is_not_read(tmp_path: Path) -> None:
    save_result(tmp_path, make_record("a"))
    os.mkfifo(tmp_path / "b.nii.gz")
    assert statuses(tmp_path)["b"] == ("unreadable", "its record is missing")


def test_a_record_of_odd_texts_that_nobody_checks_is_read(tmp_path: Path) -> None:
    record = make_record("a", scan=7, finished=None)
    record["confidence"]["liver"]["expected_dsc"] = "high"
    save_result(tmp_path, record)
    (case,) = results_in(tmp_path).cases
    assert (case.scan, case.finished, case.organs[0].estimated_dsc) == ("", "", None)


def test_foreign_files_are_named_and_are_no_cases(tmp_path: Path) -> None:
    save_result(tmp_path, make_record("a"))
    (tmp_path / "phantoms.json").write_text("[]")
    (tmp_path / "converter.json").write_text('{"Modality": "CT"}')
    (tmp_path / "scores.csv").write_text("x")
    found = results_in(tmp_path)
    assert [case.name for case in found.cases] == ["a"]
    assert found.foreign == ("converter.json", "phantoms.json")


def test_masks_of_an_unreadable_record_are_no_cases(tmp_path: Path) -> None:
    save_result(tmp_path, make_record("a")).write_text("{")
    for organ in ("liver", "left_kidney"):
        (tmp_path / f"a_{organ}.nii.gz").write_bytes(b"mask")
    assert list(statuses(tmp_path)) == ["a"]


def test_scans_without_a_result_are_missing(tmp_path: Path) -> None:
    save_result(tmp_path / "out", make_record("a"))
    for name in ("a", "b"):
        write_ct(tmp_path / "scans" / f"{name}_0000.nii.gz")
    (tmp_path / "scans" / "c_0000.nii.gz").symlink_to("nowhere.nii.gz")
    found = statuses(tmp_path / "out", scans=tmp_path / "scans")
    assert found["a"] == ("done", "")
    assert found["b"] == ("missing", "no result in this folder")
    assert found["c"][0] == "missing"
    assert "is a link to a file that is not there" in found["c"][1]


def _anonymous(name: str, scan: Path) -> dict[str, Any]:
    return make_record(name, scan=None, scan_content=content_of(scan).as_dict())


def test_scans_of_anonymous_results_are_known_by_their_content(tmp_path: Path) -> None:
    """Results are numbers there, by which other scans may be called."""
    scans = tmp_path / "scans"
    names = ("scan_2", "smith", "tailor")
    for seed, name in enumerate(names):
        write_ct(scans / f"{name}.nii.gz", seed=seed)
    for number, name in enumerate(("scan_2", "smith"), start=1):
        save_result(tmp_path / "out", _anonymous(f"scan_{number}", scans / f"{name}.nii.gz"))
    found = statuses(tmp_path / "out", scans=scans)
    assert found == {"scan_1": ("done", ""), "scan_2": ("done", ""), "tailor": ("missing", "no result in this folder")}
    (scans / "scan_2.nii.gz").write_bytes((scans / "tailor.nii.gz").read_bytes())
    assert statuses(tmp_path / "out", scans=scans)["scan_2.nii.gz"] == ("missing", "no result in this folder")


def test_scans_are_read_only_where_they_can_be_those_of_anonymous_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def noted(scan: Path) -> ScanContent:
        read.append(scan)
        return content_of(scan)

    monkeypatch.setattr("flarecli.report.anonymous_records.content_of", noted)
    scans = tmp_path / "scans"
    for name in ("a", "b"):
        write_ct(scans / f"{name}.nii.gz", seed=ord(name))
    (scans / "b.nii.gz").write_bytes((scans / "b.nii.gz").read_bytes() + b"another size")
    save_result(tmp_path / "out", make_record("a"))
    statuses(tmp_path / "out", scans=scans)
    assert read == []
    save_result(tmp_path / "out", _anonymous("scan_1", scans / "a.nii.gz"))
    assert statuses(tmp_path / "out", scans=scans)["b"][0] == "missing"
    assert read == []
    save_result(tmp_path / "out", _anonymous("scan_2", scans / "b.nii.gz"))
    assert "b" not in statuses(tmp_path / "out", scans=scans)
    assert read == [scans / "b.nii.gz"]


def test_previews_may_lie_elsewhere(tmp_path: Path) -> None:
    save_result(tmp_path / "out", make_record("a"))
    (tmp_path / "pictures").mkdir()
    (tmp_path / "out" / "a.png").rename(tmp_path / "pictures" / "a.png")
    assert results_in(tmp_path / "out").cases[0].preview is None
    assert results_in(tmp_path / "out", previews=tmp_path / "pictures").cases[0].preview is not None


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"a": 1}')
    with pytest.raises(InputError, match="holds no results of flare predict"):
        results_in(tmp_path)
    with pytest.raises(InputError, match="the folder cannot be read"):
        results_in(tmp_path / "nowhere")


def test_outliers_of_reference_ranges(tmp_path: Path) -> None:
    record = measured(make_record("a"), "spleen", volume_ml=900.0, mean_hu=500.0)
    measured(record, "pancreas", voxels=0, volume_ml=0.0, mean_hu=None)
    save_result(tmp_path, record)
    (case,) = results_in(tmp_path).cases
    assert case.outliers == ("spleen: 900 mL, outside 30 to 630", "spleen: 500 HU, outside 15 to 180")


def test_the_worst_organ_is_the_verdict(tmp_path: Path) -> None:
    record = judged(judged(make_record("a"), "liver", "check", "odd"), "spleen", "failed", "not found")
    save_result(tmp_path, record)
    save_result(tmp_path, make_record("b", confidence={}))
    first, second = results_in(tmp_path).cases
    assert (first.judgement, second.judgement) == ("failed", "not judged")


def test_the_estimate_of_a_record_is_taken_or_made_from_its_expected_dsc(tmp_path: Path) -> None:
    record = make_record("a")
    record["confidence"]["liver"] |= {"expected_dsc": 0.95, "estimated_dsc": 0.9}
    record["confidence"]["pancreas"] |= {"expected_dsc": 0.9}
    save_result(tmp_path, record)
    liver, _, _, pancreas = results_in(tmp_path).cases[0].organs
    assert liver.estimated_dsc == 0.9
    assert pancreas.estimated_dsc == round(CALIBRATIONS["pancreas"].estimate(0.9), 4)
    assert pancreas.estimated_dsc < 0.85


def test_cases_of_which_a_run_wrote_why_they_failed_are_shown(tmp_path: Path) -> None:
    save_result(tmp_path, make_record("a"))
    failed = Case("b", Path("/scans/b_0000.nii.gz"), tmp_path / "b.nii.gz")
    write_failure(failed, InputError("is not a CT", seen="0 HU", expected="HU", remedy="Give a CT."))
    (tmp_path / "c.failed.json").write_text("{")
    write_failure(Case("a", Path("x"), tmp_path / "a.nii.gz"), InputError("is old", remedy="None."))  # done since then
    found = results_in(tmp_path)
    by_name = {case.name: case for case in found.cases}
    assert sorted(by_name) == ["a", "b", "c"]
    assert by_name["a"].status is Status.DONE
    assert (by_name["b"].status, by_name["b"].judgement) == (Status.FAILED, "error")
    assert by_name["b"].problem == "is not a CT; seen: 0 HU; expected: HU. Give a CT."
    assert by_name["b"].scan == "/scans/b_0000.nii.gz"
    assert by_name["b"].further == (tmp_path / "b.failed.json",)
    assert "the record of the failure is damaged" in by_name["c"].problem
    assert by_name["c"].scan == ""
    assert found.foreign == ()


def test_a_folder_of_failures_alone_is_a_report(tmp_path: Path) -> None:
    write_failure(Case("b", Path("b"), tmp_path / "b.nii.gz"), InputError("is not a CT", remedy="Give a CT."))
    assert statuses(tmp_path) == {"b": ("error", "is not a CT. Give a CT.")}
