"""`flare phantom` from the outside."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

from flarecli import phantom
from flarecli.cli.main import app

SMALL = ["--shape", "24x28x32", "--spacing", "12x12x12"]


def run(*arguments: object):
    return CliRunner().invoke(app, ["phantom", *map(str, arguments)])


def test_pairs_record_and_picture_are_written(tmp_path):
    result = run(tmp_path, "-n", 2, *SMALL, "--preview", tmp_path / "sheet.png")
    assert result.exit_code == 0, result.output
    for number in range(2):
        scan = nibabel.load(tmp_path / "TrainingImg" / f"train_{number:03d}_0000.nii.gz")
        labels = nibabel.load(tmp_path / "TrainingMask" / f"train_{number:03d}.nii.gz")
        assert scan.shape == labels.shape == (32, 28, 24)
        assert scan.get_data_dtype() == np.int16
        assert labels.get_data_dtype() == np.uint8
        np.testing.assert_array_equal(scan.affine, labels.affine)
        np.testing.assert_allclose(scan.header.get_zooms(), (12, 12, 12))
    records = json.loads((tmp_path / "phantoms.json").read_text())
    assert [record["seed"] for record in records] == [0, 1]
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    assert "kidneys" in result.output


def test_json_is_the_record_and_a_seed_repeats_a_scan(tmp_path):
    first = run(tmp_path / "a", *SMALL, "--seed", 3, "--json", "--flat", "--phase", "portal-venous")
    again = run(tmp_path / "b", *SMALL, "--seed", 2, "-n", 2, "--json", "--flat", "--phase", "portal-venous")
    record = json.loads(first.stdout)[0]
    assert record["phase"] == "portal-venous"
    assert record["volumes_ml"] == json.loads(again.stdout)[1]["volumes_ml"]
    one = (tmp_path / "a" / "phantom_000_0000.nii.gz").read_bytes()
    assert one == (tmp_path / "b" / "phantom_001_0000.nii.gz").read_bytes()


def test_existing_scans_are_kept_unless_told(tmp_path):
    assert run(tmp_path, *SMALL, "--flat").exit_code == 0
    before = (tmp_path / "phantom_000_0000.nii.gz").read_bytes()
    refused = run(tmp_path, *SMALL, "--flat", "--seed", 9)
    assert refused.exit_code == 3
    assert "--overwrite" in refused.stderr
    assert (tmp_path / "phantom_000_0000.nii.gz").read_bytes() == before
    assert run(tmp_path, *SMALL, "--flat", "--seed", 9, "--overwrite").exit_code == 0
    assert (tmp_path / "phantom_000_0000.nii.gz").read_bytes() != before


@pytest.mark.parametrize("name", ["phantom_000.nii.gz", "phantoms.json", "sheet.png"])
def test_files_that_appear_meanwhile_are_kept_unless_told(tmp_path, monkeypatch, name):
    make = phantom.make_phantom

    def made_meanwhile(*arguments, **options):
        (tmp_path / name).write_text("mine")
        return make(*arguments, **options)

    monkeypatch.setattr(phantom, "make_phantom", made_meanwhile)
    result = run(tmp_path, *SMALL, "--flat", "--preview", tmp_path / "sheet.png")
    assert (result.exit_code, (tmp_path / name).read_text()) == (3, "mine")
    assert "exists already" in result.stderr
    assert run(tmp_path, *SMALL, "--flat", "--preview", tmp_path / "sheet.png", "--overwrite").exit_code == 0
    assert (tmp_path / name).read_bytes() != b"mine"


def test_what_an_earlier_run_left_is_named(tmp_path):
    assert run(tmp_path, *SMALL, "-n", 3).stderr == ""
    fewer = run(tmp_path, *SMALL, "--overwrite", "--json")
    assert fewer.exit_code == 0
    assert "phantoms.json does not list 4 files" in fewer.stderr
    assert "train_001_0000.nii.gz" in fewer.stderr
    assert "train_002.nii.gz" in fewer.stderr
    assert "train_000" not in fewer.stderr
    assert len(json.loads(fewer.stdout)) == 1
    assert "does not list 6 files" in run(tmp_path, *SMALL, "--flat", "--overwrite").stderr
    assert run(tmp_path, *SMALL, "--flat", "--overwrite", "--quiet").stderr == ""


def test_masks_of_single_organs_are_no_anatomies(tmp_path):
    assert run(tmp_path, *SMALL, "--flat").exit_code == 0
    maps = tmp_path / "maps"
    maps.mkdir()
    (tmp_path / "phantom_000.nii.gz").rename(maps / "a.nii.gz")
    image = nibabel.load(maps / "a.nii.gz")
    labels = np.asarray(image.dataobj)
    for organ, label in (("kidneys", 2), ("spleen", 3)):
        mask = nibabel.Nifti1Image((labels == label).astype(np.uint8), image.affine)
        nibabel.save(mask, maps / f"a_{organ}.nii.gz")
    result = run(tmp_path / "out", *SMALL, "-n", 2, "--anatomy", maps, "--json")
    assert result.exit_code == 0, result.output
    assert {record["anatomy"] for record in json.loads(result.stdout)} == {str(maps / "a.nii.gz")}
    assert "a_kidneys.nii.gz, a_spleen.nii.gz (masks of single organs" in result.stderr
    alone = run(tmp_path / "alone", *SMALL, "--anatomy", maps / "*_spleen.nii.gz")
    assert alone.exit_code == 3
    assert "masks of single organs" in alone.stderr


def test_organs_of_a_label_map_can_be_used(tmp_path):
    assert run(tmp_path / "a", *SMALL, "--flat").exit_code == 0
    source = tmp_path / "a" / "phantom_000.nii.gz"
    result = run(tmp_path / "b", *SMALL, "--anatomy", source, "--json", "--strength", "wide")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)[0]
    assert record["anatomy"] == str(source)
    assert record["volumes_ml"]["liver"] > 300


@pytest.mark.parametrize(
    ("arguments", "exit_code", "word"),
    [
        (["--shape", "10x10"], 2, "three numbers"),
        (["--spacing", "axbxc"], 2, "three numbers"),
        (["--shape", "0x10x10"], 2, "shape"),
        (["--orientation", "XYZ"], 2, "orientation"),
        (["--preview", "sheet.jpg"], 2, "unknown format"),
        (["--anatomy", "nowhere.nii.gz"], 3, "nowhere.nii.gz"),
    ],
)
def test_wrong_usage_is_explained(tmp_path, arguments, exit_code, word):
    result = run(tmp_path / "out", *SMALL, *arguments)
    assert result.exit_code == exit_code
    assert word in result.stderr
    assert not list((tmp_path / "out").glob("**/*.nii.gz"))
