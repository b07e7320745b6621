"""Small scans with label maps as files, and the datasets they make."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from tests.synthetic_ct import affine, ct_voxels

SHAPE_XYZ = (18, 20, 16)
AFFINE_RAS = affine((10.0, 10.0, 8.0))


def organ_blobs() -> np.ndarray:
    """Boxes of the four organs inside the soft tissue of `ct_voxels`; uint8, shape (x, y, z)."""
    labels = np.zeros(SHAPE_XYZ, np.uint8)
    labels[9:13, 8:13, 6:11] = 1
    labels[6:8, 8:10, 5:8] = 2
    labels[5:7, 11:13, 8:11] = 3
    labels[7:9, 11:12, 7:9] = 4
    return labels


def scan_values(seed: int = 0) -> np.ndarray:
    """int16 HU of a small body, shape (x, y, z)."""
    return ct_voxels(SHAPE_XYZ, seed)


def save(path: Path, array_xyz: np.ndarray, affine_ras: np.ndarray = AFFINE_RAS) -> Path:
    """Write an array in its own type; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array_xyz, affine_ras), path)
    return path


def flare_dataset(folder: Path, count: int = 3) -> Path:
    """A dataset in FLARE's layout."""
    for number in range(count):
        save(folder / "TrainingImg" / f"train_{number:03d}_0000.nii.gz", scan_values(number))
        save(folder / "TrainingMask" / f"train_{number:03d}.nii.gz", organ_blobs())
    return folder
