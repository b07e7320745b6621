"""Smooths label maps, as the published training of EfficientSCN does after interpolation."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from flarecli.geometry import Window, widened

_TRUNCATE = 4.0
"""Deviations at which the Gaussian ends. Source: EfficientSCN code."""


def smoothed_labels(labels: np.ndarray, sigma_voxels: float) -> np.ndarray:
    """Each voxel's most likely label after a Gaussian over the one-hot maps.

    Each organ is smoothed inside its own box; the background is what is left to 1.

    Args:
        labels: uint8 (z, y, x).
        sigma_voxels: Standard deviation; 0 changes nothing.
    """
    if not sigma_voxels:
        return labels
    reach = int(_TRUNCATE * sigma_voxels + 0.5)
    background = np.ones(labels.shape, np.float32)
    shares: list[tuple[int, Window, np.ndarray]] = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        window = widened(box, (reach,) * 3, labels.shape)
        share = (labels[window] == label).astype(np.float32)
        share = ndimage.gaussian_filter(share, sigma_voxels, mode="nearest", truncate=_TRUNCATE)
        background[window] -= share
        shares.append((label, window, share))
    best, winner = background, np.zeros_like(labels)
    for label, window, share in shares:
        better = share > best[window]
        best[window][better] = share[better]
        winner[window][better] = label
    return winner
