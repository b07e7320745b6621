"""Scans in memory, for systems whose networks are replaced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
