"""Small scans with the values of a body CT, as arrays and as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flarecli.volume import write_scan


def ct_voxels(shape: tuple[int, ...] = (13, 11, 9), seed: int = 0) -> np.ndarray:
    """int16 HU: organs in fat with a voxel of bone, air round them, and noise to tell voxels apart."""
    rng = np.random.default_rng(seed)
    where = np.indices(shape)
    radius = np.sqrt(sum(((w - (n - 1) / 2) / (n / 2)) ** 2 for w, n in zip(where, shape, strict=True)))
    voxels = np.select([radius < 0.6, radius < 0.85], [60, -100], -1000) + rng.integers(-25, 25, shape)
    voxels[tuple(n // 2 for n in shape)] = 900
    return voxels.astype(np.int16)


def affine(
    spacing_mm: tuple[float, float, float] = (4.0, 4.5, 5.0),
    origin_mm: tuple[float, float, float] = (-30.0, -20.0, 70.0),
    directions: np.ndarray | None = None,
) -> np.ndarray:
    """4x4 affine, index (i, j, k) to world mm, RAS."""
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if directions is None else directions) * spacing_mm
    matrix[:3, 3] = origin_mm
    return matrix


def rotation(degrees_xyz: tuple[float, float, float]) -> np.ndarray:
    """3x3 rotation about x, then y, then z."""
    turned = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees_xyz)):
        a, b = [k for k in range(3) if k != axis]
        step = np.eye(3)
        step[a, a] = step[b, b] = np.cos(angle)
        step[a, b], step[b, a] = -np.sin(angle), np.sin(angle)
        turned = step @ turned
    return turned


def write_ct(path: Path, *, peak_hu: int = 900, seed: int = 0) -> Path:
    """A file of a scan that lies askew, with one voxel of its own value."""
    voxels = ct_voxels(seed=seed)
    voxels[6, 5, 4] = peak_hu
    path.parent.mkdir(parents=True, exist_ok=True)
    write_scan(path, voxels, affine(directions=rotation((8, 3, 0))))
    return path


def write_cts(folder: Path, count: int) -> Path:
    """A folder of so many different scans: s00.nii.gz, s01.nii.gz and so on."""
    for number in range(count):
        write_ct(folder / f"s{number:02}.nii.gz", seed=number)
    return folder
