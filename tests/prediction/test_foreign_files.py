"""Files that lie in the folder of results and that `flare` never made: they stay, unless --overwrite is given."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flarecli import segment
from flarecli.cli.main import app
from flarecli.errors import OutputError
from flarecli.prediction.batch import predict_cases, predict_shared
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import find_cases
from flarecli.prediction.collected import collected_cases
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.predictor import Predictor
from flarecli.report.folder import results_in
from flarecli.segmentation import result as segmentation_result
from tests.synthetic_ct import write_ct
from tests.threshold_system import ThresholdSystem

pytestmark = pytest.mark.usefixtures("threshold_system")

CONTINUING = (("--share",), ("--resume",), ("--share", "--resume"), ("--resume", "--part", "1/1"))


def flare(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in ("predict", *arguments)])


def told(result: Result) -> str:
    return " ".join(result.output.split())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for seed, name in enumerate(("p1_0000", "p2_0000")):
        write_ct(tmp_path / "imagesTr" / f"{name}.nii.gz", seed=seed)
    return tmp_path / "imagesTr"


@pytest.mark.parametrize("options", CONTINUING)
@pytest.mark.parametrize(
    "beside", [None, "", '[{"landmark": "T12", "mm": [1, 2, 3]}]', '{"Modality": "CT"}', "[]", "p1: liver"]
)
def test_label_maps_that_flare_did_not_make_stay(
    scans: Path, tmp_path: Path, options: tuple[str, ...], beside: str | None
) -> None:
    labels = tmp_path / "labelsTr"
    labels.mkdir()
    shutil.copy(write_ct(tmp_path / "manual.nii.gz", seed=9), labels / "p1.nii.gz")
    if beside is not None:
        (labels / "p1.json").write_text(beside)
    before = contents(labels)
    result = flare(scans, labels, *options)
    assert result.exit_code == (4 if "--share" in options else 3), result.output
    for words in (
        "p1.nii.gz (label map of p1)",
        "exists already",
        "expected: no file of this name, or one of an earlier run",
        "These files belong to no earlier run: give another folder or name, or --overwrite",
    ):
        assert words in told(result)
    after = contents(labels)
    assert {name: after[name] for name in before} == before
    made = {"p2.nii.gz", "p2.json"} if "--share" in options else set()  # each case is checked by itself
    assert after.keys() - before.keys() == made
    assert flare(scans, labels, "--overwrite").exit_code == 0
    assert contents(labels)["p1.nii.gz"] != before["p1.nii.gz"]


def test_a_case_that_was_refused_is_done_when_the_file_is_gone(scans: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labelsTr"
    labels.mkdir()
    (labels / "p1.nii.gz").write_bytes(b"manual")
    assert flare(scans, labels, "--share").exit_code == 4
    (labels / "p1.nii.gz").unlink()
    assert flare(scans, labels, "--share").exit_code == 0
    assert sorted(contents(labels)) == ["p1.json", "p1.nii.gz", "p2.json", "p2.nii.gz"]


@pytest.mark.parametrize("options", CONTINUING)
def test_what_flare_made_is_done_anew_where_its_record_is_damaged_or_old(
    scans: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    assert flare(scans, out).exit_code == 0
    whole = contents(out)
    record = json.loads(whole["p1.json"])
    damaged = [whole["p1.json"][:60], whole["p1.json"][:-9] + b"\0" * 9]
    damaged += [json.dumps({**record, key: value}).encode() for key, value in (("record_version", 1), ("labels", None))]
    for content in damaged:
        (out / "p1.json").write_bytes(content)
        result = flare(scans, out, *options)
        assert result.exit_code == 0, result.output
        assert json.loads((out / "p1.json").read_text())["labels"] == record["labels"]


@pytest.mark.parametrize("options", CONTINUING)
def test_a_label_map_of_another_format_than_its_record_says(
    scans: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    (scans / "p2_0000.nii.gz").unlink()
    assert flare(scans, out).exit_code == 0
    write_ct(scans / "p1_0000.nii")
    (scans / "p1_0000.nii.gz").unlink()
    (out / "p1.nii").write_bytes(b"manual")
    before = contents(out)
    assert flare(scans, out, *options).exit_code == (4 if "--share" in options else 3)
    assert contents(out) == before


def test_results_that_were_renamed_with_their_scan_are_complete(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert flare(scans, out).exit_code == 0
    for folder in (scans, out):
        for path in folder.glob("p1*"):
            path.rename(path.with_name(path.name.replace("p1", "q1")))
    before = contents(out)
    assert "redone" not in flare(scans, out, "--resume").output
    assert flare(scans, out, "--share").exit_code == 0
    assert contents(out) == before


def test_the_record_of_a_scan_named_failed_stays(scans: Path, tmp_path: Path) -> None:
    out, others = tmp_path / "out", tmp_path / "others"
    others.mkdir()
    (scans / "p2_0000.nii.gz").rename(others / "p1.failed.nii.gz")
    assert flare(others, out).exit_code == 0
    record = (out / "p1.failed.json").read_bytes()
    assert flare(scans, out).exit_code == 0
    assert (out / "p1.failed.json").read_bytes() == record
    assert [(case.name, case.error) for case in collected_cases(out)] == [("p1.failed", None), ("p1", None)]
    reported = {case.name: str(case.status) for case in results_in(out).cases}
    assert reported == {"p1": "done", "p1.failed": "done"}


@pytest.mark.parametrize("content", ['{"landmarks": []}', "[1]", "notes"])
def test_files_in_the_place_of_the_record_of_a_failure_stay(scans: Path, tmp_path: Path, content: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    foreign = out / "p1.failed.json"
    foreign.write_text(content)
    result = flare(scans, out, "--share")
    assert result.exit_code == 4
    assert "p1.failed.json" in result.output
    assert not (out / "p1.json").exists()
    assert flare(scans, out, "--resume").exit_code == 0
    assert flare(scans, out, "--share").exit_code == 0
    assert foreign.read_text() == content
    assert [case.name for case in collected_cases(out)] == ["p1", "p2"]


def test_a_label_map_that_was_changed_is_not_collected_with_former_figures(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert flare(scans, out).exit_code == 0
    shutil.copy(out / "p2.nii.gz", out / "p1.nii.gz")
    changed, same = collected_cases(out)
    assert (changed.name, changed.record) == ("p1", None)
    assert "changed since its record" in str(changed.error)
    assert (same.name, same.error) == ("p2", None)
    for path in sorted(out.glob("p1.*")):
        path.rename(path.with_name(path.name.replace("p1", "q1")))
    assert [case.error is None for case in collected_cases(out)] == [True, False]
    (out / "q1.nii.gz").unlink()  # label maps may lie elsewhere
    assert [case.error for case in collected_cases(out)] == [None, None]


NAMES = ("p1.nii.gz", "p1.json", "p1_liver.nii.gz")


def outcomes_with_files_that_appear(
    scans: Path, out: Path, existing: str, appears: str, content: bytes
) -> list[CaseResult]:
    """What becomes of two cases when a file appears while the first is segmented."""
    cases, extras = find_cases(scans, out), OutputOptions(split=True)
    began: list[str] = []

    def on_step(step: str) -> None:
        if step == "segment" and not began:
            began.append(step)
            out.mkdir(exist_ok=True)
            (out / appears).write_bytes(content)

    predictor = Predictor("threshold")
    if existing == "share":
        return list(predict_shared(predictor, cases, extras=extras, on_step=on_step))
    return list(predict_cases(predictor, cases, extras=extras, existing=existing, on_step=on_step))


@pytest.mark.parametrize("existing", ["refuse", "resume", "share"])
@pytest.mark.parametrize("appears", NAMES)
def test_files_that_appear_during_a_run_stay(scans: Path, tmp_path: Path, existing: str, appears: str) -> None:
    out = tmp_path / "out"
    first, second = outcomes_with_files_that_appear(scans, out, existing, appears, b"{}")
    assert isinstance(first.error, OutputError)
    assert "exists already" in str(first.error)
    assert f"{appears} (" in str(first.error)
    assert ("--overwrite" in first.error.remedy, second.error) == (True, None)
    assert {name: content for name, content in contents(out).items() if name.startswith("p1")} == {appears: b"{}"}


def test_a_result_that_appears_during_a_run(scans: Path, tmp_path: Path) -> None:
    """What another run of flare made is replaced where that may be, and else stays."""
    record = b'{"record_version": 3, "labels": {"file": "p1.nii.gz"}}'
    for existing in ("refuse", "resume", "overwrite", "share"):
        out = tmp_path / existing
        first, _ = outcomes_with_files_that_appear(scans, out, existing, "p1.json", record)
        assert (first.error is None) == (existing != "refuse"), existing
        assert ((out / "p1.json").read_bytes() == record) == (existing == "refuse")


def test_a_saved_result_replaces_nothing_that_appeared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = segment(write_ct(tmp_path / "scan.nii.gz"))
    labels = tmp_path / "patient.1.nii.gz"
    checked = segmentation_result.check_outputs

    def check_and_write(*arguments: Any) -> None:
        checked(*arguments)
        labels.write_bytes(b"manual")

    monkeypatch.setattr(segmentation_result, "check_outputs", check_and_write)
    with pytest.raises(OutputError, match=r"exists already.*label map of patient\.1"):
        result.save(labels)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patient.1.nii.gz", "scan.nii.gz"]
    assert labels.read_bytes() == b"manual"


@pytest.mark.parametrize("option", ["--statistics", "--report"])
def test_tables_that_appear_during_a_run_stay(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    table = tmp_path / ("all.csv" if option == "--statistics" else "all.html")
    segmented = ThresholdSystem.segment

    def segment_and_write(self: ThresholdSystem, *arguments: Any) -> Any:
        table.write_text("mine")
        return segmented(self, *arguments)

    monkeypatch.setattr(ThresholdSystem, "segment", segment_and_write)
    result = flare(scans, tmp_path / "out", option, table)
    assert (result.exit_code, table.read_text()) == (3, "mine")
    assert "exists already" in told(result)
    assert flare(scans, tmp_path / "out", option, table, "--overwrite").exit_code == 0
    assert table.read_text() != "mine"
