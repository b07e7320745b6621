"""`flare report`, and `flare predict --report`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from tests.report.results import make_record, save_labels, save_result
from tests.synthetic_ct import write_ct
from tests.threshold_system import ThresholdSystem


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["report", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        save_result(tmp_path / "out", make_record(name))
    return tmp_path / "out"


def test_the_page_lies_in_the_folder(folder: Path) -> None:
    code, out, _ = run(folder)
    assert code == 0
    assert "2 cases: 2 good" in out
    assert "flare report" in (folder / "report.html").read_text()


def test_what_exists_is_not_replaced_unasked(folder: Path) -> None:
    (folder / "report.html").write_text("mine")
    code, _, err = run(folder)
    assert code == 3
    assert "exists already" in err
    assert (folder / "report.html").read_text() == "mine"
    assert run(folder, "--overwrite")[0] == 0
    assert run(folder, "--overwrite")[0] == 0


def test_a_file_of_the_results_is_never_replaced(folder: Path) -> None:
    code, _, err = run(folder, "--csv", folder / "a.json", "--overwrite")
    assert code == 2
    assert "would replace a file that is read" in err


def test_a_table_alone(folder: Path, tmp_path: Path) -> None:
    assert run(folder, "--csv", tmp_path / "t.csv")[0] == 0
    with (tmp_path / "t.csv").open(newline="") as file:
        assert [row["case"] for row in csv.DictReader(file)] == ["a", "b"]
    assert not (folder / "report.html").exists()
    code, out, _ = run(folder, "--csv", "-")
    assert code == 0
    assert out == (tmp_path / "t.csv").read_text()


def test_json_rows(folder: Path, tmp_path: Path) -> None:
    code, out, _ = run(folder, "--html", tmp_path / "r.html", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["page"] == str(tmp_path / "r.html")
    assert [row["verdict"] for row in told["cases"]] == ["good", "good"]


def test_cases_without_result_are_shown_and_end_with_4(folder: Path, tmp_path: Path) -> None:
    write_ct(tmp_path / "scans" / "c_0000.nii.gz")
    (folder / "b.json").write_text("{")
    code, out, _ = run(folder, "--scans", tmp_path / "scans")
    assert code == 4
    assert "3 cases: 1 missing, 1 unreadable, 1 good" in out


def test_a_label_map_that_was_edited_is_shown_and_ends_with_4(folder: Path, tmp_path: Path) -> None:
    save_labels(folder / "b.nii.gz", np.ones((12, 10, 8), np.uint8))
    code, out, _ = run(folder)
    assert code == 4
    assert "2 cases: 1 changed, 1 good" in out
    code, out, _ = run(folder, "--html", tmp_path / "r.html", "--json")
    assert code == 4
    changed, sound = json.loads(out)["cases"]
    assert (changed["case"], changed["status"], changed["verdict"]) == ("b", "changed", None)
    assert (changed["liver_verdict"], changed["liver_volume_ml"]) == (None, None)
    assert (sound["case"], sound["status"]) == ("a", "done")
    (one, _) = json.loads((tmp_path / "r.html").read_text().split('id="data">')[1].split("</script>")[0])
    assert (one["judgement"], one["done"], one["organs"]) == ("changed", False, [])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--html", "r.pdf"], 2, "unknown format"),
        (["--csv", "-", "--json"], 2, "two outputs would go to standard output"),
        (["--csv", "t.csv", "--open"], 2, "opens nothing"),
        (["--scans", "nowhere"], 3, "does not exist"),
        (["--previews", "nowhere"], 3, "cannot be read"),
    ],
)
def test_wrong_calls(folder: Path, arguments: list[str], code: int, words: str) -> None:
    found, out, err = run(folder, *arguments)
    assert found == code
    assert words in out + err


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    code, _, err = run(tmp_path)
    assert code == 3
    assert "holds no results of flare predict" in err
    assert run(tmp_path / "nowhere")[0] == 3


def test_opens_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert run(folder, "--open")[0] == 0
    assert opened == [(folder / "report.html").as_uri()]


class TestOfPredict:
    @pytest.fixture(autouse=True)
    def _threshold_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())
        monkeypatch.setattr("flarecli.systems.system_named", lambda name: ThresholdSystem())

    def predict(self, *arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["predict", *map(str, arguments), "--system", "threshold"])
        return result.exit_code, result.output

    def test_failed_scans_are_in_the_report(self, tmp_path: Path) -> None:
        write_ct(tmp_path / "scans" / "a.nii.gz")
        (tmp_path / "scans" / "b.nii.gz").write_bytes(b"no scan")
        page = tmp_path / "r.html"
        code, output = self.predict(
            tmp_path / "scans", tmp_path / "out", "--report", page, "--preview", tmp_path / "out"
        )
        assert code == 4, output
        text = page.read_text()
        data = json.loads(text.split('id="data">')[1].split("</script>")[0])
        assert [(one["name"], one["judgement"]) for one in data] == [("b", "error"), ("a", "failed")]
        assert data[0]["problem"]
        assert ["preview", "./out/a.png"] in data[1]["links"]
        code, output = self.predict(tmp_path / "scans", tmp_path / "out", "--report", page)
        assert code == 3
        assert "exists already" in output
        assert self.predict(tmp_path / "scans", tmp_path / "out", "--report", page, "--resume")[0] == 4
        page.write_text("mine")
        assert self.predict(tmp_path / "scans", tmp_path / "out", "--report", page, "--resume")[0] == 3
        assert page.read_text() == "mine"

    def test_the_name_is_checked_before_anything_is_computed(self, tmp_path: Path) -> None:
        scan = write_ct(tmp_path / "a.nii.gz")
        code, output = self.predict(scan, tmp_path / "o.nii.gz", "--report", tmp_path / "r.txt")
        assert code == 2, output
        assert not (tmp_path / "o.nii.gz").exists()
        assert self.predict(scan, tmp_path / "o.nii.gz", "--report", tmp_path / "r.html")[0] == 0
        assert (tmp_path / "r.html").exists()
