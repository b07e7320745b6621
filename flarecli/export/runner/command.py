"""The command of the reference runner."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.export.runner.flarelite import segment
from flarecli.export.runner.networks import load_networks
from flarecli.export.runner.nifti import ScanError, read_scan, write_labels

FOLDER = Path(__file__).resolve().parent


def main() -> None:
    """Segment a scan, or check the exported folder."""
    parser = argparse.ArgumentParser(description="Segment a CT scan with the exported networks beside this file.")
    parser.add_argument("scan", nargs="?", type=Path, help="NIfTI file with Hounsfield units")
    parser.add_argument("labels", nargs="?", type=Path, help="label map to write, .nii or .nii.gz")
    parser.add_argument("--threads", type=int, default=0, help="processor threads; the runtime's choice where 0")
    parser.add_argument("--self-test", action="store_true", help="check files, networks and labels of this folder")
    arguments = parser.parse_args()
    contract = json.loads((FOLDER / "contract.json").read_text(encoding="utf-8"))
    if arguments.self_test:
        self_test(contract, arguments.threads)
        return
    if arguments.scan is None or arguments.labels is None:
        parser.error("give a scan and the name of the label map, or --self-test")
    try:
        check_output(arguments.labels, arguments.scan)
        scan = read_scan(arguments.scan)
        networks = load_networks(FOLDER, contract, arguments.threads)
        write_labels(arguments.labels, segment(scan, networks, contract["method"]), scan)
    except (ScanError, OSError) as error:
        raise SystemExit(f"run.py: {error}") from None


def check_output(labels: Path, scan: Path) -> None:
    """Refuse a label map that cannot be written, or that would replace the scan, before anything is computed.

    Raises:
        SystemExit: says why.
    """
    if not labels.name.lower().endswith((".nii", ".nii.gz")):
        raise SystemExit(f"run.py: the name of the label map, {labels}, must end in .nii or .nii.gz")
    if labels.exists() and scan.exists() and labels.samefile(scan):
        raise SystemExit(f"run.py: the label map {labels} would replace the scan; give another name")
    target = Path(os.path.realpath(labels))
    if target.exists() and not target.is_file():
        raise SystemExit(f"run.py: {labels} is not a regular file; give another name for the label map")
    if not target.parent.is_dir():
        raise SystemExit(f"run.py: the folder of the label map, {target.parent}, does not exist")


def self_test(contract: dict[str, Any], threads: int) -> None:
    """Check the checksums of all files, each network against its vectors, and the labels of a scan.

    Raises:
        SystemExit: when something differs.
    """
    for name, checksum in contract["files"].items():
        if hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() != checksum:
            raise SystemExit(f"{name} is not the file that contract.json describes")
    networks = load_networks(FOLDER, contract, threads)
    for name, facts in contract["networks"].items():
        with np.load(FOLDER / facts["self_test"]["file"]) as vectors:
            image, expected = vectors["image"].astype(np.float32), vectors["scores"]
        step = facts["self_test"]["every"]
        every = (slice(None), slice(None), *[slice(None, None, step)] * (image.ndim - 2))
        difference = float(np.abs(networks[name](image)[every] - expected).max())
        print(f"{name}: largest difference {difference:.2g}, allowed {facts['self_test']['tolerance']:.2g}")
        if not difference <= facts["self_test"]["tolerance"]:
            raise SystemExit(f"{name} does not give the scores of its self-test")
    whole = contract["self_test"]
    scan, truth = read_scan(FOLDER / whole["scan"]), read_scan(FOLDER / whole["labels"])
    labels, expected = segment(scan, networks, contract["method"]), truth.hu
    differing = int(np.count_nonzero(labels != expected))
    print(f"scan: {differing} of {np.count_nonzero(expected)} organ voxels differ, allowed {whole['most_differing']}")
    if differing > whole["most_differing"]:
        raise SystemExit("the labels of the scan are not those of its self-test")
    print("self-test passed")


if __name__ == "__main__":
    main()
