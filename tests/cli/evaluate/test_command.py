"""`flare evaluate` from the command line: what it prints, what it writes, how it ends."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.evaluate.commands import evaluate
from tests.metrics.label_files import AFFINE_RAS, blobs, save_labels
from tests.shared_data import shared_path


def test_two_folders(folder: Path) -> None:
    code, out, err = evaluate(folder / "pred", folder / "gt", "--jobs", 1)
    assert (code, err) == (0, "")
    assert "NSD at 1 mm" in out
    assert "0.7500 ± 0.2500" in out
    assert "3 cases, 0 failures" in out


def test_two_files(folder: Path) -> None:
    code, out, _ = evaluate(folder / "pred" / "case_1.nii.gz", folder / "gt" / "case_2.nii.gz", "--json")
    assert code == 0
    content = json.loads(out)
    assert content["cases"][0]["name"] == "case_2.nii.gz"
    assert content["cases"][0]["scores"]["dsc"] == dict.fromkeys(("liver", "kidneys", "spleen", "pancreas"), 0.75)
    assert content["summary"]["dsc"]["overall"]["sd"] is None


@pytest.mark.parametrize("options", [(), ("--literal",)])
@pytest.mark.parametrize(("pred", "gt"), [("one", "other"), ("one/*", "other/*"), ("one/a.nii.gz", "other")])
def test_one_file_in_each_folder_is_paired_by_name(
    tmp_path: Path, options: tuple[str, ...], pred: str, gt: str
) -> None:
    save_labels(tmp_path / "one" / "a.nii.gz", blobs())
    save_labels(tmp_path / "other" / "b.nii.gz", blobs())
    code, _, err = evaluate(tmp_path / pred, tmp_path / gt, "--jobs", 1, *options)
    if options:
        assert (code, "no ground truth" in err) == (4, True), err
    else:
        assert (code, "no prediction has the name of a ground truth" in err) == (3, True), err
    save_labels(tmp_path / "other" / "a.nii.gz", blobs())
    (tmp_path / "other" / "b.nii.gz").unlink()
    assert evaluate(tmp_path / pred, tmp_path / gt, "--jobs", 1, *options)[0] == 0
    named = (tmp_path / "one" / "a.nii.gz", tmp_path / "other" / "a.nii.gz")
    named[1].rename(tmp_path / "c.nii.gz")
    assert evaluate(named[0], tmp_path / "c.nii.gz", "--jobs", 1, *options)[0] == 0


@pytest.mark.parametrize("options", [("--part", "2/2"), ("--part", "2/2", "--json")])
def test_a_part_of_one_failed_case_has_its_table(folder: Path, options: tuple[str, ...]) -> None:
    (folder / "pred" / "case_2.nii.gz").unlink()
    (folder / "gt" / "case_2.nii.gz").unlink()
    with (folder / "pred" / "case_1.nii.gz").open("rb+") as file:
        file.truncate(60)
    table = folder / "part.csv"
    code, _, _ = evaluate(folder / "pred", folder / "gt", "--jobs", 1, "--csv", table, *options)
    assert code == 4
    with table.open() as file:
        assert [(row["Name"], row["Status"]) for row in csv.DictReader(file)] == [("case_1.nii.gz", "failed")]


def test_a_folder_of_one_failed_case_has_its_table_and_two_files_do_not(folder: Path) -> None:
    for number in (0, 1):
        for side in ("pred", "gt"):
            (folder / side / f"case_{number}.nii.gz").unlink()
    pred, gt, table = folder / "pred" / "case_2.nii.gz", folder / "gt" / "case_2.nii.gz", folder / "scores.csv"
    with pred.open("rb+") as file:
        file.truncate(60)
    assert evaluate(folder / "pred", folder / "gt", "--jobs", 1, "--csv", table)[0] == 4
    assert table.exists()
    code, out, err = evaluate(pred, gt, "--jobs", 1, "--csv", folder / "other.csv")
    assert (code, out) == (3, "")
    assert "compressed data" in err
    assert not (folder / "other.csv").exists()


def test_globs(folder: Path) -> None:
    code, out, _ = evaluate(folder / "pred" / "case_[12].*", folder / "gt" / "case_[12]*", "--jobs", 1, "--json")
    assert code == 0
    assert [case["name"] for case in json.loads(out)["cases"]] == ["case_1.nii.gz", "case_2.nii.gz"]


def test_missing_predictions_and_broken_files_end_with_4(folder: Path) -> None:
    (folder / "pred" / "case_0.nii.gz").unlink()
    with (folder / "pred" / "case_2.nii.gz").open("rb+") as file:
        file.truncate(60)
    table = folder / "out" / "scores.csv"
    code, out, err = evaluate(folder / "pred", folder / "gt", "--jobs", 1, "--csv", table)
    assert code == 4
    assert "3 cases, 2 failures: 1 without prediction" in out
    assert "case_0.nii.gz: no prediction" in err
    assert "case_2.nii.gz: the compressed data" in err
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["Status"] for row in rows] == ["missing", "scored", "failed"]
    assert [row["DSC_1"] for row in rows] == ["0.0", "0.75", ""]


def test_literal_skips_missing_predictions_as_the_challenge_does(folder: Path) -> None:
    (folder / "pred" / "case_0.nii.gz").unlink()
    code, out, _ = evaluate(folder / "pred", folder / "gt", "--jobs", 1, "--literal")
    assert code == 0
    assert "2 cases, 0 failures" in out
    assert "flare21, literal" in out


def test_a_prediction_without_ground_truth_is_said(folder: Path) -> None:
    (folder / "gt" / "case_0.nii.gz").unlink()
    code, _, err = evaluate(folder / "pred", folder / "gt", "--jobs", 1)
    assert code == 0
    assert "case_0.nii.gz: has no ground truth, not scored" in err
    code, _, err = evaluate(folder / "pred", folder / "gt", "--jobs", 1, "--literal")
    assert code == 4
    assert "has no ground truth" in err


def test_report_with_images(folder: Path) -> None:
    for number in range(3):
        save_labels(folder / "images" / f"case_{number}_0000.nii.gz", 100 * blobs())
    report = folder / "report.html"
    code, _, _ = evaluate(
        folder / "pred", folder / "gt", "--jobs", 1, "--report", report, "--images", folder / "images"
    )
    assert code == 0
    assert report.read_text(encoding="utf-8").count("data:image/png") == 2


def test_tolerances_are_told_exactly(folder: Path) -> None:
    _, out, _ = evaluate(folder / "pred", folder / "gt", "--jobs", 1, "--tolerance", "1.0000001")
    assert "NSD at 1.0000001 mm" in out


def test_metrics_tolerances_and_labels(folder: Path) -> None:
    code, out, _ = evaluate(
        *(folder / "pred", folder / "gt", "--jobs", 1, "--json", "--metrics", "nsd,hd95,volume"),
        *("--labels", "1=left,3=right", "--tolerance", "right=0.5"),
    )
    assert code == 0
    content = json.loads(out)
    assert [(organ["name"], organ["nsd_tolerance_mm"]) for organ in content["organs"]] == [
        ("left", 1.0),
        ("right", 0.5),
    ]
    scores = content["cases"][1]["scores"]
    assert list(scores) == ["nsd", "hd95", "volume"]
    assert scores["nsd"]["left"] == 1 > scores["nsd"]["right"]


def test_flare22_names_its_thirteen_organs(folder: Path) -> None:
    table = folder / "scores.csv"
    code, out, _ = evaluate(folder / "pred", folder / "gt", "--jobs", 1, "--protocol", "flare22", "--csv", table)
    assert code == 0
    assert "NSD at 7 mm" in out
    assert table.read_text().startswith("Name,Liver_DSC,RK_DSC")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--metrics", "dsc,iou"], "--metrics is not understood"),
        (["--metrics", "dsc,dsc"], "--metrics is not understood"),
        (["--tolerance", "wide"], "--tolerance is not understood"),
        (["--tolerance", "-1"], "--tolerance is not understood"),
        (["--tolerance", "heart=1"], "not scored"),
        (["--labels", "liver"], "--labels is not understood"),
        (["--labels", "0=background"], "--labels is not understood"),
        (["--labels", "1=a,1=b"], "--labels is not understood"),
        (["--labels", "1=a,2=a"], "--labels names two labels alike"),
        (["--labels", "1=a,2="], "--labels is not understood"),
        (["--tolerance", "liver=2,1=9"], "--tolerance names an organ twice"),
        (["--tolerance", "liver=2,Liver=9"], "--tolerance names an organ twice"),
        (["--labels", "1=kidney,2=Kidney", "--tolerance", "KIDNEY=2"], "two organs share"),
        (["--labels", "1=2,2=1", "--tolerance", "1=2"], "two organs share"),
        (["--literal", "--ignore-geometry"], "exclude each other"),
        (["--images", "scans"], "--images without --report"),
    ],
)
def test_wrong_options_end_with_2(folder: Path, options: list[str], problem: str) -> None:
    code, _, err = evaluate(folder / "pred", folder / "gt", *options)
    assert code == 2
    assert problem in err
    code, out, err = evaluate(folder / "pred", folder / "gt", *options, "--json")
    assert (code, err) == (2, "")
    assert json.loads(out)["error"]["kind"] == "usage"


@pytest.mark.parametrize("arguments", [["pred"], ["pred", "gt", "third"], ["pred", "gt", "--no-such-option"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    code, _, err = evaluate(*arguments)
    assert code == 2
    assert "Usage: flare evaluate" in err or "Usage: root evaluate" in err


def test_bad_input_ends_with_3(folder: Path) -> None:
    (folder / "empty").mkdir()
    code, _, err = evaluate(folder / "empty", folder / "gt")
    assert code == 3
    assert "is an empty folder" in err
    moved = AFFINE_RAS.copy()
    moved[2, 3] += 3
    pred = save_labels(folder / "moved.nii.gz", blobs(), moved)
    code, out, _ = evaluate(pred, folder / "gt" / "case_0.nii.gz", "--json")
    assert code == 3
    assert "different places" in json.loads(out)["error"]["problem"]
    code, out, _ = evaluate(pred, folder / "gt" / "case_0.nii.gz", "--ignore-geometry")
    assert code == 0
    assert "1 case, 0 failures" in out


def test_help_shows_the_command_and_its_subcommands() -> None:
    for flag in ("--help", "-h"):
        code, out, _ = evaluate(flag)
        assert code == 0
        for word in ("PRED", "GT", "--literal", "compare", "rank"):
            assert word in out
    assert evaluate()[1] == out
    code, out, _ = evaluate("rank", "--help")
    assert "evaluate rank [OPTIONS]" in out


def test_official_table_to_the_letter(tmp_path: Path) -> None:
    fixtures = shared_path("fixtures/evaluate")
    table = tmp_path / "scores.csv"
    code, _, _ = evaluate(
        *(fixtures / "pred", fixtures / "gt", "--protocol", "flare21", "--literal"),
        *("--csv", table, "--jobs", 1),
    )
    assert code == 0
    assert table.read_text().splitlines()[0] == (fixtures / "expected.csv").read_text().splitlines()[0]


def test_processes_and_no_heavy_imports(folder: Path) -> None:
    """The real program: processes are started afresh, and help is there without numpy."""
    script = (
        "import sys, flarecli.cli.main; assert 'numpy' not in sys.modules; from flarecli.cli.entry import main; main()"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script, "evaluate", folder / "pred", folder / "gt", "--jobs", "2", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["counts"]["scored"] == 3
    assert finished.stderr == ""


def test_a_warning_of_many_cases_is_said_once(tmp_path: Path) -> None:
    for number in range(5):
        save_labels(tmp_path / "pred" / f"case_{number}.nii.gz", blobs())
        save_labels(tmp_path / "gt" / f"case_{number}.nii.gz", blobs() + np.float32(0.4))
    code, _, err = evaluate(tmp_path / "pred", tmp_path / "gt", "--jobs", 1)
    assert code == 0
    assert err.count("values between labels") == 1
    assert "case_0.nii.gz, case_1.nii.gz, case_2.nii.gz and 2 more" in err


def test_the_table_alone_goes_to_standard_output(folder: Path) -> None:
    code, out, _ = evaluate(folder / "pred", folder / "gt", "--jobs", 1, "--csv", "-")
    assert code == 0
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["Name"] for row in rows] == ["case_0.nii.gz", "case_1.nii.gz", "case_2.nii.gz"]
    assert {row["Status"] for row in rows} == {"scored"}
