"""Train on a dataset laid out as for nnU-Net: `python examples/train_on_nnunet_dataset.py FOLDER [ITERATIONS]`.

The dataset is made on the spot, of synthetic scans; with one of your own, begin at `flare preprocess`. Training needs
PyTorch or TensorFlow.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from flarecli.phantom import make_phantom
from flarecli.phantom.files import PhantomPaths, write_phantom

ORGANS = {"background": 0, "liver": 1, "kidneys": 2, "spleen": 3, "pancreas": 4}


def main(folder: Path, iterations: str) -> None:
    dataset = folder / "Dataset001_Phantoms"
    make_dataset(dataset, cases=3)
    run("preprocess", dataset, folder / "cache", "--system", "flarelite")
    run(
        *("train", folder / "cache", folder / "run", "--system", "flarelite", "--network", "locate"),
        *("--iterations", iterations, "--folds", "3", "--fold", "1"),
    )
    scan = dataset / "imagesTr" / "case_000_0000.nii.gz"
    run("predict", scan, folder / "labels.nii.gz", "--weights", f"locate={folder / 'run'}", "--roi", "full")


def make_dataset(dataset: Path, cases: int) -> None:
    for name in ("imagesTr", "labelsTr"):
        (dataset / name).mkdir(parents=True)
    for number in range(cases):
        phantom = make_phantom(number, shape_zyx=(48, 72, 88), spacing_mm=(6.0, 4.5, 4.5))
        name = f"case_{number:03d}"
        pair = PhantomPaths(dataset / "imagesTr" / f"{name}_0000.nii.gz", dataset / "labelsTr" / f"{name}.nii.gz")
        write_phantom(phantom, pair)
    described = {"channel_names": {"0": "CT"}, "labels": ORGANS, "numTraining": cases, "file_ending": ".nii.gz"}
    (dataset / "dataset.json").write_text(json.dumps(described, indent=2), encoding="utf-8")


def run(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "flarecli", *map(str, arguments)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "200")
