"""Scans for systems whose networks are replaced: in memory, and stored along turned axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from flarecli.geometry import Grid


@dataclass(frozen=True)
class Scan:
    """What a system needs of a volume."""

    voxels: np.ndarray
    grid: Grid
    path: Path = Path("scan.nii.gz")


def scan_of(voxels: np.ndarray, spacing_mm: tuple[float, float, float] = (3.0, 3.0, 3.0)) -> Scan:
    """A scan along the world's axes, its first voxel at the origin."""
    return Scan(voxels, Grid(voxels.shape, spacing_mm, np.diag([*spacing_mm[::-1], 1.0])))


def write_flipped(path: Path, voxels: np.ndarray, flips: Sequence[bool]) -> Path:
    """A file of the scan that `scan_of` makes of the voxels; stored backwards along the flipped ones of x, y and z."""
    spacing_mm = 3.0
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    stored = voxels.T
    for axis, is_flipped in enumerate(flips):
        if is_flipped:
            stored = np.flip(stored, axis)
            affine[axis, 3] = spacing_mm * (stored.shape[axis] - 1)
            affine[axis, axis] *= -1
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(stored), affine), path)
    return path
