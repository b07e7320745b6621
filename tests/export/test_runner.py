"""The reference runner gives the labels of `flare predict --precision float32`, without flare."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import nibabel
import numpy as np
import pytest

from flarecli.export.run import export_system
from flarecli.metrics.overlap import dice
from flarecli.organs import ORGANS
from flarecli.phantom import make_phantom
from flarecli.phantom.files import PhantomPaths, write_phantom
from flarecli.prediction.batch import predict_cases
from flarecli.prediction.cases import Case
from flarecli.prediction.predictor import EngineRequest, Predictor
from flarecli.systems.vgg13 import Vgg13
from flarecli.weights.card import Card, write_weights
from tests.export.conftest import small_self_test
from tests.export.runs import run_alone

pytestmark = pytest.mark.skipif(keras.backend.backend() != "openvino", reason="exports come from OpenVINO's graphs")

_SHAPES = {  # shape, spacing, orientation, how voxels are stored
    "thick slices": ((6, 96, 88), (9.0, 4.1, 4.3), "LPS", None),
    "thin slices, axes exchanged": ((24, 70, 72), (2.4, 5.5, 5.6), "SRA", None),
    "scaled bytes, qform alone": ((10, 80, 100), (6.0, 4.6, 4.0), "RAI", (np.uint8, 1.5686, -125.0)),
}


def _scan(folder: Path, name: str, seed: int) -> Path:
    shape, spacing, orientation, stored = _SHAPES[name]
    paths = PhantomPaths(folder / "scan.nii.gz", folder / "truth.nii.gz")
    write_phantom(make_phantom(seed, shape_zyx=shape, spacing_mm=spacing), paths, orientation=orientation)
    if stored is not None:
        dtype, slope, intercept = stored
        image = nibabel.load(paths.scan)
        limits = np.iinfo(dtype)
        values = np.clip(np.rint((np.asarray(image.dataobj) - intercept) / slope), limits.min, limits.max).astype(dtype)
        header = image.header.copy()
        header.set_sform(None, 0)
        header.set_data_dtype(dtype)
        scaled = nibabel.Nifti1Image(values, None, header)
        scaled.header.set_qform(image.header.get_qform(), 1)
        scaled.header.set_slope_inter(slope, intercept)
        nibabel.save(scaled, paths.scan)
    return paths.scan


def _predicted(system: str, scan: Path, weights: tuple[str, ...] = ()) -> nibabel.Nifti1Image:
    predictor = Predictor(system, weights, EngineRequest(backend="openvino", precision="float32"))
    labels = scan.parent / "flare.nii.gz"
    (result,) = predict_cases(predictor, [Case("case", scan, labels)])
    assert result.error is None
    return nibabel.load(labels)


def _compare(folder: Path, scan: Path, expected: nibabel.Nifti1Image) -> None:
    finished = run_alone(folder / "run.py", scan, scan.parent / "alone.nii.gz")
    assert finished.returncode == 0, finished.stderr
    found = nibabel.load(scan.parent / "alone.nii.gz")
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-4)
    ours, theirs = np.asarray(expected.dataobj), np.asarray(found.dataobj)
    assert ours.any()
    assert theirs.dtype == ours.dtype
    assert [dice(ours == organ.label, theirs == organ.label) for organ in ORGANS if (ours == organ.label).any()] == (
        pytest.approx([1.0] * len(set(np.unique(ours)) - {0}), abs=1e-4)
    )
    assert np.count_nonzero(ours != theirs) <= 3  # scores that are equal to the last digit may fall either way


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_runner_gives_the_labels_of_flare(folder: Path, tmp_path: Path, seed: int) -> None:
    scan = _scan(tmp_path, list(_SHAPES)[seed], seed)

    _compare(folder, scan, _predicted("flarelite", scan))


@pytest.mark.slow
@pytest.mark.parametrize("system", ["efficientscn", "efficientsegnet"])
def test_the_other_systems_pass_their_own_test(tmp_path: Path, system: str) -> None:
    with small_self_test((10, 40, 40)):  # in which EfficientSCN moves its region, too
        export_system(system, tmp_path / "out")

    finished = run_alone(tmp_path / "out" / "run.py", "--self-test")

    assert finished.returncode == 0, finished.stderr
    assert "self-test passed" in finished.stdout


@pytest.mark.slow
def test_slices_of_other_sizes_are_resized_alike(tmp_path: Path) -> None:
    """With random weights: any label map will do."""
    system = Vgg13().at_input_shapes({"segmentation": (64, 64)}).at_base_filters({"segmentation": 8})
    keras.utils.set_random_seed(0)
    model = system.networks[0].build()
    weights = tmp_path / "segmentation.weights.h5"
    sizes = {"input_shape": (64, 64), "base_filters": 8}
    card = Card("vgg13", "segmentation", "random", "t", "s", "Apache-2.0", "2026-01-01", "", **sizes)
    write_weights(weights, card, model.save_weights)
    export_system("vgg13", tmp_path / "out", weights=(str(weights),))
    scan = _scan(tmp_path, "scaled bytes, qform alone", 3)

    _compare(tmp_path / "out", scan, _predicted("vgg13", scan, (str(weights),)))


def test_the_self_test_of_an_export(folder: Path) -> None:
    finished = run_alone(folder / "run.py", "--self-test")

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "self-test passed"
    assert "scan: 0 of" in finished.stdout


def test_the_self_test_finds_what_was_changed(folder: Path, tmp_path: Path) -> None:
    """A file of other bytes; then, with its checksum put right, a method with another number."""
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    labels = changed / "self_test" / "labels.nii.gz"
    original = labels.read_bytes()
    labels.write_bytes(original + b"\0")

    finished = run_alone(changed / "run.py", "--self-test")

    assert finished.returncode == 1
    assert "labels.nii.gz is not the file" in finished.stderr
    labels.write_bytes(original)
    contract = json.loads((changed / "contract.json").read_text(encoding="utf-8"))
    contract["method"]["refine_share"] = 0.0
    (changed / "contract.json").write_text(json.dumps(contract), encoding="utf-8")

    finished = run_alone(changed / "run.py", "--self-test")

    assert finished.returncode == 1
    assert "labels of the scan are not those" in finished.stderr


def test_what_is_no_scan_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "scan.nii").write_bytes(b"x" * 400)

    finished = run_alone(folder / "run.py", tmp_path / "scan.nii", tmp_path / "labels.nii")

    assert finished.returncode == 1
    assert "is not a NIfTI-1 file" in finished.stderr
    assert not (tmp_path / "labels.nii").exists()
