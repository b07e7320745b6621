"""Small arrays with the values of a body CT, for tests of reading and writing."""

from __future__ import annotations

import numpy as np


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
