"""`flare predict` as its users meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flarecli.cli.main import app
from flarecli.volume import read_volume
from tests.synthetic_ct import write_ct

pytestmark = pytest.mark.usefixtures("threshold_system")


def flare(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


def test_one_scan(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    result = flare(scan, tmp_path / "organs.nii.gz", "--statistics", tmp_path / "organs.csv", "--verbose")
    assert result.exit_code == 0, result.output
    assert "liver ml" in result.stdout
    assert "peak memory" in result.stdout
    assert "made by a threshold" in result.stderr
    rows = (tmp_path / "organs.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 6
    assert "volume_ml" in rows[0]


def test_json_is_one_document(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    result = flare(scan, tmp_path / "organs.nii.gz", "--json")
    content = json.loads(result.stdout)
    assert content["status"] == "done"
    assert content["record"]["organs"]["liver"]["voxels"] > 0


def test_error_is_a_message_or_json_never_a_traceback(tmp_path: Path) -> None:
    missing = tmp_path / "missing.nii.gz"
    result = flare(missing, tmp_path / "organs.nii.gz")
    assert result.exit_code == 3
    assert "does not exist" in result.stderr
    assert "Traceback" not in result.output
    result = flare(missing, tmp_path / "organs.nii.gz", "--json")
    assert json.loads(result.stdout)["error"]["kind"] == "input"
    assert result.exit_code == 3


def test_folder_with_a_bad_scan(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    write_ct(scans / "a_0000.nii.gz")
    (scans / "b_0000.nii.gz").write_bytes(b"no image")
    result = flare(scans, tmp_path / "out", "--preview", tmp_path / "previews")
    assert result.exit_code == 4
    assert "1 of 2 scans failed" in result.stderr
    assert "b_0000.nii.gz" in result.stderr
    assert (tmp_path / "previews" / "a.png").exists()
    result = flare(scans, tmp_path / "out", "--resume", "--json", "--statistics", tmp_path / "all.csv")
    assert [case["status"] for case in json.loads(result.stdout)] == ["skipped", "failed"]
    assert (tmp_path / "all.csv").read_text(encoding="utf-8").count("\na,") == 6


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--overwrite", "--resume"], "exclude each other"),
        (["--roi", "1,2,3"], "cannot be read"),
        (["--roi", "1,2,3,1,5,6"], "cannot be read"),
        (["--roi", "a,b,c,d,e,f"], "cannot be read"),
        (["--statistics", "organs.xlsx"], ".csv or .json"),
        (["--preview", "picture.jpg"], ".png"),
        (["--weights", "nowhere=starter"], "no network of this name"),
    ],
)
def test_wrong_usage(tmp_path: Path, options: list[str], expected: str) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    result = flare(scan, tmp_path / "organs.nii.gz", *options)
    assert result.exit_code == 2, result.output
    assert expected in result.stderr
    assert not (tmp_path / "organs.nii.gz").exists()


def test_quiet_prints_nothing(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    result = flare(scan, tmp_path / "organs.nii.gz", "--quiet")
    assert result.exit_code == 0
    assert result.stdout == ""


def test_a_run_that_is_repeated_with_resume(tmp_path: Path) -> None:
    scans, table = tmp_path / "scans", tmp_path / "all.csv"
    write_ct(scans / "=1+1.nii.gz")
    write_ct(scans / "b.nii.gz")
    options = ("--statistics", table, "--preview", tmp_path / "previews", "--split", "--resume")
    first = flare(scans, tmp_path / "out", *options)
    assert first.exit_code == 0, first.output
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert table.read_text(encoding="utf-8").count("\n'=1+1,") == 6
    again = flare(scans, tmp_path / "out", *options)
    assert again.exit_code == 0, again.output
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert again.stdout.count("skipped") == 2
    assert again.stdout.replace("skipped", "done   ").split() == first.stdout.split()
    assert again.stderr == first.stderr


def test_verdicts_of_skipped_cases_are_shown(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    assert flare(scan, tmp_path / "o.nii.gz").exit_code == 0
    path = tmp_path / "o.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["confidence"] = {"[liver": {"verdict": "check", "reasons": ["its [/] border is uncertain"]}}
    path.write_text(json.dumps(record), encoding="utf-8")
    result = flare(scan, tmp_path / "o.nii.gz", "--resume", "--verbose")
    assert result.exit_code == 0, result.output
    assert "scan: [liver: check (its [/] border is uncertain)" in result.stdout
    assert "peak memory" in result.stdout


def test_verdicts_of_a_system_without_probabilities_are_shown(tmp_path: Path) -> None:
    result = flare(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "o.nii.gz")
    assert result.exit_code == 0, result.output
    assert "scan: kidneys: failed (not found)" in result.stdout


def test_what_differed_is_said_to_programs_too(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    assert flare(scan, tmp_path / "o.nii.gz").exit_code == 0
    result = flare(scan, tmp_path / "o.nii.gz", "--resume", "--json", "--roi", "full")
    content = json.loads(result.stdout)
    assert (content["status"], content["redone"]) == ("done", "region auto then, full now")


def test_a_folder_of_slices_holds_results_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "1.dcm").write_bytes(bytes(128) + b"DICM")
    read = write_ct(tmp_path / "scan.nii.gz")
    monkeypatch.setattr("flarecli.prediction.batch.read_volume", lambda path: read_volume(read))
    for name in ("o.nii.gz", "o2.nii.gz"):
        result = flare(folder, folder / name)
        assert result.exit_code == 0, result.output
    assert "skipped" in flare(folder, folder / "o.nii.gz", "--resume").stdout
