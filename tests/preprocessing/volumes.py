"""Labelled volumes without files."""

from __future__ import annotations

import numpy as np

from flarecli.volume import Volume
from tests.labelled_volumes import grid_of, volume_of


def labelled_volume(
    shape_zyx: tuple[int, int, int], spacing_mm: tuple[float, float, float], seed: int = 0
) -> tuple[Volume, np.ndarray]:
    """A smooth random scan and boxes of the four organs somewhere off its middle, so that flips and shifts show."""
    rng = np.random.default_rng(seed)
    voxels = rng.normal(0, 300, shape_zyx)
    for axis in range(3):
        voxels += np.roll(voxels, 1, axis)
    labels = np.zeros(shape_zyx, np.uint8)
    z, y, x = (max(1, n // 8) for n in shape_zyx)
    for label, (i, j, k) in enumerate(((2, 2, 4), (4, 2, 2), (3, 4, 3), (2, 5, 4)), start=1):
        labels[i * z : (i + 2) * z, j * y : (j + 2) * y, k * x : (k + 2) * x] = label
    return volume_of(np.clip(voxels, -1024, 3000), grid_of(shape_zyx, spacing_mm)), labels
