"""Resamples scans to the voxel size of a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from flarecli.resample import area_matrix, majority_labels, resample_separable
from flarecli.training.views.scan import LabelledScan

_NEAR_ENOUGH = 0.05
"""Relative difference of voxel sizes below which scans are not resampled."""


def scan_at(scan: LabelledScan, spacing_mm: float) -> LabelledScan:
    """The scan at about this isotropic voxel size, averaged over the new voxels; itself where it nearly has it."""
    if all(abs(step / spacing_mm - 1) <= _NEAR_ENOUGH for step in scan.spacing_mm):
        return scan
    sizes = [max(1, round(n * step / spacing_mm)) for n, step in zip(scan.image.shape, scan.spacing_mm, strict=True)]
    matrices = [area_matrix(n, size) for n, size in zip(scan.image.shape, sizes, strict=True)]
    z, y, x = (step * n / size for step, n, size in zip(scan.spacing_mm, scan.image.shape, sizes, strict=True))
    image = np.rint(resample_separable(scan.image, *matrices)).astype(np.int16)
    return replace(scan, image=image, labels=majority_labels(scan.labels, matrices), spacing_mm=(z, y, x))
