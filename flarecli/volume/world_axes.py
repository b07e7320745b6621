"""Conversion of directions, spacing and origin of formats with other world axes than NIfTI's to a RAS affine."""

from __future__ import annotations

import numpy as np

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
"""Turns world coordinates of ITK and DICOM into those of NIfTI, and back."""


def affine_from(columns_mm: np.ndarray, origin_mm: np.ndarray, to_ras: np.ndarray = LPS_TO_RAS) -> np.ndarray:
    """4x4 affine from the index to world mm (RAS).

    Args:
        columns_mm: 3x3, a column for each axis: the step from one voxel to the next.
        origin_mm: Centre of the first voxel.
        to_ras: 3x3, turns the world of both into RAS.
    """
    affine_ras = np.eye(4)
    affine_ras[:3, :3] = to_ras @ columns_mm
    affine_ras[:3, 3] = to_ras @ origin_mm
    return affine_ras + 0.0  # no negative zeros


def edges_mm(affine_ras: np.ndarray) -> tuple[float, float, float]:
    """Voxel sizes of an affine along its axes."""
    with np.errstate(over="ignore"):
        i, j, k = np.linalg.norm(affine_ras[:3, :3], axis=0).tolist()
    return i, j, k
