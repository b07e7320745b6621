"""Folders of results as `flare predict` writes them, without networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from PIL import Image

from flarecli.organs import KIDNEYS, LEFT_KIDNEY, LEFT_KIDNEY_NAME, ORGANS, RIGHT_KIDNEY_NAME, Organ
from flarecli.weights.card import sha256_of

SIDES = (Organ(KIDNEYS, RIGHT_KIDNEY_NAME, (0, 0, 0)), Organ(LEFT_KIDNEY, LEFT_KIDNEY_NAME, (0, 0, 0)))
_EACH = {RIGHT_KIDNEY_NAME: 150.0, LEFT_KIDNEY_NAME: 150.0}  # mL, and HU
VOLUMES_ML = {"liver": 1500.0, "kidneys": 300.0, "spleen": 200.0, "pancreas": 80.0, **_EACH}
HU = {"liver": 100.0, "kidneys": 150.0, "spleen": 110.0, "pancreas": 90.0, **_EACH}


def make_record(name: str = "case", **changes: Any) -> dict[str, Any]:
    """A record of a sound result; `changes` replace its entries."""
    organ = {
        **dict.fromkeys(("sd_hu", "median_hu", "extent_rl_mm", "extent_ap_mm", "extent_si_mm"), 10.0),
        **dict.fromkeys(("centroid_x_mm", "centroid_y_mm", "centroid_z_mm"), 1.0),
        **{"voxels": 1000, "components": 1, "largest_component_share": 1.0, "touches": [], "fused": False},
    }
    record = {
        "record_version": 3,
        "finished": "2026-01-02T03:04:05+00:00",
        "scan": f"/scans/{name}_0000.nii.gz",
        "scan_content": {"files": 1, "bytes": 10, "sha256": "0"},
        "asked": {"region": "auto"},
        "labels": {"file": f"{name}.nii.gz", "sha256": "0", "names": {"0": "background"}},
        "files": {},
        "reference": None,
        "system": "flarelite",
        "weights": {"locate": {"set": "starter", "sha256": "1"}, "refine": {"set": "starter", "sha256": "2"}},
        "runtime": {"backend": "openvino", "version": "1", "device": "cpu", "precision": "float32", "threads": 2},
        "versions": {"flare": "0.2.0"},
        "organs": {
            part.name: {
                **organ,
                "label": part.label,
                "name": part.name,
                "volume_ml": VOLUMES_ML[part.name],
                "mean_hu": HU[part.name],
            }
            for part in (*ORGANS, *SIDES)
        },
        "confidence": {part.name: {"verdict": "good", "reasons": [], "expected_dsc": 0.97} for part in ORGANS},
        "warnings": [],
        "steps": [{"name": "read", "wall_s": 1.5}, {"name": "segment", "wall_s": 2.5}],
        "peak_rss_mb": 800.0,
    }
    return {**record, **changes}


def judged(record: dict[str, Any], organ: str, verdict: str, reason: str) -> dict[str, Any]:
    """The record with another verdict on an organ."""
    record["confidence"][organ] = {"verdict": verdict, "reasons": [reason], "expected_dsc": 0.8}
    return record


def measured(record: dict[str, Any], organ: str, **values: Any) -> dict[str, Any]:
    """The record with other figures of an organ."""
    record["organs"][organ].update(values)
    return record


def save_labels(path: Path, labels: np.ndarray) -> str:
    """Write a label map; returns its checksum."""
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), path)
    return sha256_of(path)


def save_result(folder: Path, record: dict[str, Any], *, preview: bool = True) -> Path:
    """Write a small label map, where asked for a preview, and a record of them; returns the record's path."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = record["labels"]["file"].removesuffix(".nii.gz")
    labels = np.zeros((12, 10, 8), np.uint8)
    labels[2:5, 2:5, 2:5], labels[6:9, 4:8, 3:6] = 1, 3
    record["labels"]["sha256"] = save_labels(folder / f"{stem}.nii.gz", labels)
    if preview:
        sheet = np.zeros((600, 1600, 3), np.uint8)
        sheet[150:450, 200:1200] = (90, 120, 160)
        Image.fromarray(sheet).save(folder / f"{stem}.png")
        record["files"]["preview"] = {"file": f"{stem}.png", "sha256": "3"}
    path = folder / f"{stem}.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return path
