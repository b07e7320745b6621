"""Small label maps as files."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

AFFINE_RAS = np.array([[0.8, 0, 0, -10], [0, 0.9, 0, 5], [0, 0, 2.5, 100], [0, 0, 0, 1]])


def blobs(shape_xyz: tuple[int, int, int] = (16, 14, 10), *, shift: int = 0) -> np.ndarray:
    """Four boxes with the labels 1 to 4, shifted along x."""
    labels = np.zeros(shape_xyz, dtype=np.uint8)
    for label, start in ((1, (2, 2, 1)), (2, (8, 2, 1)), (3, (2, 8, 5)), (4, (8, 8, 5))):
        x, y, z = start
        labels[x + shift : x + shift + 4, y : y + 4, z : z + 3] = label
    return labels


def save_labels(path: Path, labels_xyz: np.ndarray, affine_ras: np.ndarray = AFFINE_RAS) -> Path:
    """Write a label map in the type of the array."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(labels_xyz, affine_ras), path)
    return path


def save_reoriented(path: Path, labels_xyz: np.ndarray, axes: list[list[int]]) -> Path:
    """Write the same physical content under other storage axes (nibabel's orientation array)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(labels_xyz, AFFINE_RAS).as_reoriented(np.array(axes)), path)
    return path
