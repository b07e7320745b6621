"""A small scan with two label maps and a record, for tests of the viewer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from flarecli.files.atomic import write_json
from flarecli.volume import read_volume, write_labels, write_scan
from flarecli.weights.card import sha256_of
from tests.report.results import judged, make_record
from tests.synthetic_ct import affine

SHAPE = (24, 40, 48)
SPACING_MM = (4.0, 4.0, 5.0)
"""Along x, y and z."""

LEAST_CERTAIN_SLICE = 9


def scan_voxels() -> np.ndarray:
    """HU of an ellipse of fat in air, with organs and a spine."""
    _, y, x = np.indices(SHAPE)
    body = ((y - 20) / 18) ** 2 + ((x - 24) / 22) ** 2 < 1
    voxels = np.where(body, -90, -1000) + np.random.default_rng(0).integers(-8, 8, SHAPE)
    voxels[(((y - 7) / 3) ** 2 + ((x - 24) / 4) ** 2) < 1] = 500
    labels = organ_labels()
    for label, hu in ((1, 100), (2, 160), (3, 110), (4, 80)):
        voxels[labels == label] = hu
    return voxels.astype(np.int16)


def organ_labels(shift: int = 0) -> np.ndarray:
    """Liver on the patient's right (large x), spleen on the left, two kidneys, and a pancreas between."""
    z, y, x = np.indices(SHAPE)

    def ellipsoid(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
        squares = (((axis - c) / r) ** 2 for axis, c, r in zip((z, y, x), centre, radii, strict=True))
        return np.asarray(sum(squares) < 1)

    labels = np.zeros(SHAPE, np.uint8)
    labels[ellipsoid((14 + shift, 23, 35), (7, 9, 8))] = 1
    labels[ellipsoid((10, 12, 33), (4, 3, 3)) | ellipsoid((10, 12, 15), (4, 3, 3))] = 2
    labels[ellipsoid((15, 18, 9), (4, 5, 4))] = 3
    labels[ellipsoid((11, 22, 21), (2, 2, 5))] = 4
    return labels


def save_scene(folder: Path, name: str = "case") -> tuple[Path, Path, Path]:
    """Write scan, label map with its record, and a second label map whose liver is two slices higher."""
    scan = folder / f"{name}_0000.nii.gz"
    write_scan(scan, scan_voxels(), affine(SPACING_MM))
    volume = read_volume(scan)
    labels, truth = folder / f"{name}.nii.gz", folder / f"{name}_truth.nii.gz"
    write_labels(labels, organ_labels(), volume)
    write_labels(truth, organ_labels(shift=2), volume)
    record = judged(make_record(name), "liver", "check", "its border is uncertain")
    record["labels"]["names"] = {"0": "background", "1": "liver", "2": "kidneys", "3": "spleen", "4": "pancreas"}
    record["labels"] |= {"file": labels.name, "sha256": sha256_of(labels)}
    record["confidence"]["liver"]["least_certain_z_mm"] = (LEAST_CERTAIN_SLICE + 0.5) * SPACING_MM[2]
    write_json(folder / f"{name}.json", json.loads(json.dumps(record)))
    return scan, labels, truth
