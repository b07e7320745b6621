"""`flare preprocess` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.preprocessing import TrainingCache
from tests.datasets.labelled_files import flare_dataset, organ_blobs, save, scan_values


def run(*arguments: object):
    return CliRunner().invoke(app, ["preprocess", *map(str, arguments)])


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return flare_dataset(tmp_path / "set", 2)


def test_a_dataset_becomes_a_cache(tmp_path: Path, dataset: Path) -> None:
    result = run(dataset, tmp_path / "cache", "--system", "flarelite", "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "2 cases (FLARE): 2 written" in result.output
    assert "liver ml" in result.output
    assert TrainingCache.open(tmp_path / "cache").names == ("train_000", "train_001")
    again = run(dataset, tmp_path / "cache", "--system", "flarelite", "--jobs", 1)
    assert "2 kept" in again.output


def test_faults_are_listed_and_exit_with_4(tmp_path: Path, dataset: Path) -> None:
    save(dataset / "TrainingMask" / "train_001.nii.gz", organ_blobs() * np.uint8(2))
    result = run(dataset, tmp_path / "cache", "--system", "flarelite", "--jobs", 1)
    assert result.exit_code == 4
    assert "values without a meaning" in result.output
    assert "1 written, 1 faulty" in result.output


def test_json_says_everything(dataset: Path) -> None:
    (dataset / "TrainingMask" / "train_001.nii.gz").unlink()
    result = run(dataset, "--check-only", "--jobs", 1, "--json")
    assert result.exit_code == 4
    content = json.loads(result.stdout)
    assert content["counts"] == {"sound": 1, "written": 0, "kept": 0, "faulty": 1}
    assert [case["status"] for case in content["cases"]] == ["sound", "faulty"]
    assert content["cases"][1]["findings"][0]["severity"] == "fault"
    assert content["figures"]["cases"] == 1
    assert content["cache"] is None


def test_checking_writes_nothing_even_with_a_cache(tmp_path: Path, dataset: Path) -> None:
    result = run(dataset, tmp_path / "cache", "--check-only", "--jobs", 1, "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert not (tmp_path / "cache").exists()


def test_nothing_sound_is_bad_input(dataset: Path) -> None:
    for path in (dataset / "TrainingMask").iterdir():
        path.unlink()
    assert run(dataset, "--check-only", "--jobs", 1).exit_code == 3


def test_values_of_another_dataset(tmp_path: Path) -> None:
    labels = np.array([0, 6, 2, 1, 11], np.uint8)[organ_blobs()]
    labels[0, 0, 0] = 5
    save(tmp_path / "ct.nii.gz", scan_values())
    save(tmp_path / "seg.nii.gz", labels)
    (tmp_path / "pairs.csv").write_text("ct.nii.gz,seg.nii.gz\n")
    options = [option for text in ("liver=6", "kidneys=2,3", "spleen=1") for option in ("--organ", text)]
    cache = tmp_path / "cache"
    arguments = (tmp_path / "pairs.csv", cache, "--system", "flarelite", "--jobs", 1, *options)
    assert run(*arguments).exit_code == 3
    result = run(*arguments, "--background", "5,11")
    assert result.exit_code == 0, result.output
    assert "pancreas: none in the label map" in result.output
    assert set(np.unique(TrainingCache.open(cache).load("ct", "locate").labels)) == {0, 1, 2, 3}


def test_surroundings_are_stored_after_the_organs_and_measured_as_background(tmp_path: Path) -> None:
    labels = organ_blobs()
    save(tmp_path / "ct.nii.gz", scan_values())
    for name, aorta in (("without", 0), ("with", 7)):
        marked = labels.copy()
        marked[:, : labels.shape[1] // 3][labels[:, : labels.shape[1] // 3] == 0] = aorta
        save(tmp_path / f"{name}.nii.gz", marked)
        (tmp_path / f"{name}.csv").write_text(f"ct.nii.gz,{name}.nii.gz\n")
    organs = [
        option
        for number, organ in enumerate(("liver", "kidneys", "spleen", "pancreas"), start=1)
        for option in ("--organ", f"{organ}={number}")
    ]
    plain = run(tmp_path / "without.csv", tmp_path / "plain", "--jobs", 1, "--json", *organs)
    told = run(tmp_path / "with.csv", tmp_path / "told", "--jobs", 1, "--json", *organs, "--surroundings", "vessels=7")
    assert (plain.exit_code, told.exit_code) == (0, 0), told.output
    assert json.loads(told.stdout)["figures"] == json.loads(plain.stdout)["figures"]
    stored = [TrainingCache.open(tmp_path / name).load("ct", "locate").labels for name in ("plain", "told")]
    # Vessels are the second kind of surroundings.
    assert set(np.unique(stored[1])) == {*np.unique(stored[0]).tolist(), 6}
    assert np.array_equal(np.where(stored[1] == 6, 0, stored[1]), stored[0])


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("cache", "--organ", "heart=1"),
        ("cache", "--organ", "liver"),
        ("cache", "--organ", "liver=one"),
        ("cache", "--organ", "liver=1,2", "--organ", "spleen=2"),
        ("cache", "--organ", "liver=0"),
        ("cache", "--background", "-1"),
        ("cache", "--background", "4"),
        ("cache", "--organ", "liver=6", "--background", "5,6"),
        ("cache", "--background", "7", "--surroundings", "gut=7"),
        ("cache", "--surroundings", "nerves=7"),
        ("cache", "--surroundings", "gut=1"),
        ("cache", "--surroundings", "gut=7", "--surroundings", "vessels=7"),
        ("cache", "--surroundings", "gut=7", "--system", "efficientscn"),
        ("cache", "--system", "nnunet"),
    ],
)
def test_wrong_usage(dataset: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(dataset.parent)
    result = run(dataset, *options)
    assert result.exit_code == 2, result.output


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        (("--background", "9,4"), "4, which is pancreas"),
        (("--organ", "liver=4", "--background", "4"), "4, which is liver"),
    ],
)
def test_background_that_is_an_organ_is_named(dataset: Path, options: tuple[str, ...], seen: str) -> None:
    result = run(dataset, "--check-only", "--jobs", 1, *options)
    assert result.exit_code == 2
    assert seen in result.output
    assert "--organ NAME=VALUES" in result.output
    organs = [option for organ in ("liver=1", "kidneys=2", "spleen=3") for option in ("--organ", organ)]
    assert run(dataset, "--check-only", "--jobs", 1, "--background", "4", *organs).exit_code == 0


def test_the_ground_truth_of_a_real_scan(tmp_path: Path) -> None:
    from tests.shared_data import shared_path

    scan, labels = (shared_path(f"data/ct/totalseg_example_{kind}_slab.nii.gz") for kind in ("ct", "labels"))
    (tmp_path / "slab.csv").write_text(f"{scan},{labels}\n")
    result = run(tmp_path / "slab.csv", tmp_path / "cache", "--system", "efficientscn", "--jobs", 1, "--json")
    assert result.exit_code == 0, result.output
    case = json.loads(result.stdout)["cases"][0]
    assert case["findings"] == []
    volumes = {name: organ["volume_ml"] for name, organ in case["figures"]["organs"].items()}
    assert volumes == pytest.approx({"liver": 1043, "kidneys": 206, "spleen": 255, "pancreas": 17.4}, rel=0.01)
    cache = TrainingCache.open(tmp_path / "cache")
    stored = cache.load(cache.names[0], "segmentation")
    for label, volume_ml in enumerate(volumes.values(), start=1):
        stored_ml = np.count_nonzero(stored.labels == label) * np.prod(stored.spacing_mm) / 1000
        assert stored_ml == pytest.approx(volume_ml, rel=0.06)
        inside = stored.image[stored.labels == label]
        assert -20 < np.median(inside) < 70
