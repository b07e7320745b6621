"""`flare weights`: lists, cards and checks of what is installed, also where a file is damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flarecli.cli.main import app
from flarecli.weights import store
from flarecli.weights.card import card_path, read_card

NETWORK = ("efficientscn", "starter", "localization")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """One bundled network, and a copy of it whose last bytes are missing."""
    system, set_name, network = NETWORK
    bundled = store.BUNDLED_ROOT / system / set_name / f"{network}.weights.h5"
    paths = []
    for name in (set_name, "damaged"):
        path = tmp_path / "bundled" / system / name / bundled.name
        path.parent.mkdir(parents=True)
        shutil.copyfile(bundled, path)
        shutil.copyfile(card_path(bundled), card_path(path))
        paths.append(path)
    with paths[1].open("r+b") as file:
        file.truncate(bundled.stat().st_size - 100)
    monkeypatch.setattr(store, "BUNDLED_ROOT", tmp_path / "bundled")
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "none"))
    return paths


def weights(arguments: Sequence[str]) -> Result:
    return CliRunner().invoke(app, ["weights", *arguments], env={"COLUMNS": "200"})


def test_the_list_has_a_row_for_each_file(installed: list[Path]) -> None:
    listed = json.loads(weights(["list", "--json"]).stdout)
    assert [entry["set_name"] for entry in listed] == ["damaged", "starter"]
    assert listed[1]["sha256"] == read_card(installed[0]).sha256
    shown = weights(["list"]).stdout
    assert shown.count("localization") >= 2
    assert "starter" in shown


def test_a_file_without_card_is_called_damaged(installed: list[Path]) -> None:
    card_path(installed[1]).write_text("{", encoding="utf-8")
    listed = json.loads(weights(["list", "--json"]).stdout)
    assert listed[0]["damaged"]["kind"] == "input"
    assert "damaged:" in weights(["list"]).stdout


def test_a_card_is_shown(installed: list[Path]) -> None:
    system, set_name, network = NETWORK
    shown = json.loads(weights(["show", system, network, set_name, "--json"]).stdout)
    assert shown == {"path": str(installed[0]), **read_card(installed[0]).as_dict()}
    lines = weights(["show", system, network, set_name]).stdout.splitlines()
    assert lines[0] == f"path: {installed[0]}"
    assert f"licence: {shown['licence']}" in lines


def test_a_set_that_is_not_there_is_named(installed: list[Path]) -> None:
    result = weights(["show", "efficientscn", "localization", "nothing"])
    assert result.exit_code == 3
    assert "nothing" in result.stderr


def test_verification_finds_the_damaged_file(installed: list[Path]) -> None:
    result = weights(["verify", "--json"])
    assert result.exit_code == 3
    checked = {Path(entry["path"]): entry for entry in json.loads(result.stdout)}
    assert checked[installed[0]]["intact"]
    assert not checked[installed[1]]["intact"]
    assert "SHA-256" in checked[installed[1]]["problem"]["seen"]

    card_path(installed[1]).unlink()
    installed[1].unlink()
    result = weights(["verify"])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == "efficientscn/localization (starter): intact"


def test_what_is_no_published_file_is_not_imported(installed: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "something.pt"
    path.write_bytes(b"not a checkpoint")
    result = weights(["import", str(path), "--system", "vgg13", "--network", "segmentation"])
    assert result.exit_code == 3
    assert "something.pt" in result.stderr
    assert not (tmp_path / "none").exists()
