"""`flare systems`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.systems import SYSTEM_NAMES
from flarecli.weights.card import Card, write_card


@pytest.fixture(autouse=True)
def no_weights_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path))


def test_every_system_for_programs() -> None:
    result = CliRunner().invoke(app, ["systems", "--json"])
    assert result.exit_code == 0, result.stderr
    systems = {system["name"]: system for system in json.loads(result.stdout)}
    assert tuple(systems) == SYSTEM_NAMES
    segnet = systems["efficientsegnet"]
    assert segnet["repository"].endswith("Shanghai-Aitrox-Technology/EfficientSegmentation")
    assert segnet["published_licence"] == "NOASSERTION"
    coarse, fine = segnet["networks"]
    assert (coarse["name"], coarse["parameters"], coarse["input_shape"]) == ("coarse", 2_676_480, [160] * 3)
    assert (fine["multiply_adds"], fine["input_size_varies"]) == (357_658_841_088, False)
    (starter,) = systems["efficientscn"]["networks"][0]["weights"]
    assert starter["set"] == "starter"
    assert starter["licence"] == "Apache-2.0"
    (slices,) = systems["vgg13"]["networks"][0]["weights"]
    assert (slices["input_shape"], slices["base_filters"]) == ([160, 160], 16)


def test_every_system_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    result = CliRunner().invoke(app, ["systems"])
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line for line in lines if line in SYSTEM_NAMES] == list(SYSTEM_NAMES)
    assert any(line.split()[:3] == ["fine", "192×192×192", "9,366,016"] for line in lines)
    assert any("states no licence" in line for line in lines)
    expected = ("160×128×160 and others", "439.2 G", "starter (Apache-2.0)")
    assert any(all(part in line for part in expected) for line in lines)


def test_weights_of_another_size_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    for name, shape in (("small", (64, 96, 128)), ("usual", (192, 192, 192))):
        path = tmp_path / "efficientsegnet" / name / "fine.weights.h5"
        path.parent.mkdir(parents=True)
        path.touch()
        write_card(path, Card("efficientsegnet", "fine", name, "t", "s", "MIT", "2026-01-01", "", input_shape=shape))
    result = CliRunner().invoke(app, ["systems"])
    words = " ".join(result.stdout.split())
    assert "small (MIT), at 64×96×128" in words
    assert "usual (MIT)" in words
    assert "at 192×" not in words
    told = json.loads(CliRunner().invoke(app, ["systems", "--json"]).stdout)[2]["networks"][1]["weights"]
    assert [entry["input_shape"] for entry in told if entry["set"] == "small"] == [[64, 96, 128]]


def test_nothing_is_built_for_it() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from flarecli.cli.main import app;"
        "assert CliRunner().invoke(app, ['systems']).exit_code == 0;"
        "print([name for name in ('keras', 'openvino', 'tensorflow', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
