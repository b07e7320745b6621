"""`flare view` as a command: what it writes, and what it refuses before anything is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from tests.viewer.scenes import save_scene


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["view", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_a_page_is_written_once_and_replaced_as_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipyniivue", reason="needs ipyniivue: pip install 'flarecli[view]'")
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    scan, labels, truth = save_scene(tmp_path)
    page = tmp_path / "page.html"
    code, out, err = run(scan, labels, truth, "--html", page, "--json", "--open")
    assert (code, json.loads(out), err) == (0, {"page": str(page)}, "")
    assert opened == [page.as_uri()]
    assert page.stat().st_size < 5e6
    assert run(scan, labels, "--html", page, "--quiet") == (0, "", "")
    page.write_text("mine")
    code, _, err = run(scan, labels, "--html", page)
    assert (code, "exists already" in err, page.read_text()) == (3, True, "mine")
    assert run(scan, labels, "--html", page, "--overwrite", "--quiet")[0] == 0


def test_wrong_calls_are_refused(tmp_path: Path) -> None:
    scan, labels, _ = save_scene(tmp_path)
    for arguments, code, text in (
        ((scan, labels, "--html", tmp_path / "page.pdf"), 2, "unknown format"),
        ((scan, labels, "--max-mb", 20), 2, "--max-mb limits a page that is written"),
        ((scan, *[labels] * 5), 2, "at most 4"),
        ((tmp_path / "nowhere.nii.gz", "--html", tmp_path / "page.html"), 3, "nowhere.nii.gz"),
        ((scan, tmp_path / "nowhere.nii.gz", "--html", tmp_path / "page.html"), 3, "nowhere.nii.gz"),
        ((scan, scan, "--html", tmp_path / "page.html"), 3, "labels"),
        ((scan, labels, "--html", tmp_path), 2, "unknown format"),
    ):
        found, _, err = run(*arguments)
        assert (found, text in err) == (code, True), (arguments, err)
    assert not list(tmp_path.glob("*.html"))


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flarecli.viewer.niivue.find_spec", lambda name: None)
    scan, labels, _ = save_scene(tmp_path)
    for further in (["--html", tmp_path / "page.html"], ["--no-open"]):
        code, _, err = run(scan, labels, *further)
        assert code == 5
        assert "pip install 'flarecli[view]'" in err
