"""The scripts of `examples/` run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "examples"


def run(script: str, *arguments: str | Path, timeout: int = 300) -> str:
    """What a script prints; it chooses the backend itself, as for a user who has set none."""
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    finished = subprocess.run(
        [sys.executable, EXAMPLES / script, *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
        env={**environment, "PYTHONPATH": str(ROOT)},
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.mark.any_backend
def test_a_scan_is_segmented_from_python(tmp_path: Path) -> None:
    printed = run("predict.py", EXAMPLES / "phantom_ct_0000.nii.gz", tmp_path / "labels.nii.gz")

    assert re.findall(r"^(\w+) +[1-9]\d+ mL  (?:good|check|failed)$", printed, re.MULTILINE) == [
        "liver",
        "kidneys",
        "spleen",
        "pancreas",
    ]
    labels = np.asarray(nibabel.load(tmp_path / "labels.nii.gz").dataobj)
    truth = np.asarray(nibabel.load(EXAMPLES / "phantom_ct.nii.gz").dataobj)
    assert np.mean((labels > 0) == (truth > 0)) > 0.98


@pytest.mark.any_backend
def test_two_methods_are_compared(tmp_path: Path) -> None:
    truth = nibabel.load(EXAMPLES / "phantom_ct.nii.gz")
    labels = np.asarray(truth.dataobj).astype(np.uint8)
    for folder, found in (("truth", labels), ("method", labels), ("baseline", np.roll(labels, 2, axis=0))):
        (tmp_path / folder).mkdir()
        nibabel.save(nibabel.Nifti1Image(found, truth.affine), tmp_path / folder / "a.nii.gz")
        shutil.copy(tmp_path / folder / "a.nii.gz", tmp_path / folder / "b.nii.gz")

    printed = run("evaluate_two_methods.py", *(tmp_path / name for name in ("baseline", "method", "truth")))

    assert len(printed.splitlines()) == 10  # DSC and NSD of four organs and of all
    assert all(re.search(r"difference \+0\.\d+, p 0\.\d+$", line) for line in printed.splitlines())


@pytest.mark.any_backend
@pytest.mark.slow
def test_a_network_is_trained_on_an_nnunet_dataset(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra 'torch'")
    printed = run("train_on_nnunet_dataset.py", tmp_path, "2", timeout=600)

    assert "3 cases (nnU-Net): 3 written" in printed
    assert (tmp_path / "run" / "locate.weights.h5").exists()
    scan = nibabel.load(tmp_path / "Dataset001_Phantoms" / "imagesTr" / "case_000_0000.nii.gz")
    assert nibabel.load(tmp_path / "labels.nii.gz").shape == scan.shape
