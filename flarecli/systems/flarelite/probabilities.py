"""Combination of both stages' probabilities, and exclusion of voxels by their intensity."""

from __future__ import annotations

import numpy as np

from flarecli.organs import ORGANS
from flarecli.systems.flarelite.constants import FlareliteConstants

_PANCREAS = next(organ.label for organ in ORGANS if organ.name == "pancreas")


def average_with(probabilities: np.ndarray, organs: np.ndarray, share: float) -> None:
    """Average the probabilities of both stages: the first has more context, the second more detail.

    Args:
        probabilities: The second stage's, float32, shape (classes, z, y, x); changed in place.
        organs: The first stage's of all classes but the background, on the same grid.
        share: Weight of the second stage, 0 to 1.
    """
    first_share = np.float32(1 - share)
    # A slice at a time stays in the processor's cache from one operation to the next.
    for shares, first in zip(np.moveaxis(probabilities, 1, 0), np.moveaxis(organs, 1, 0), strict=True):
        shares *= np.float32(share)
        shares[1:] += first_share * first
        shares[0] += first_share * (1 - first.sum(axis=0))


def without_fat(probabilities: np.ndarray, hu: np.ndarray, constants: FlareliteConstants) -> None:
    """Give the pancreas's probability in voxels of fat to the background.

    Fat lies around and between the lobules of the pancreas; a voxel that is mostly fat does not belong to it. Next to
    the lung a voxel of the same intensity is half organ (partial volume), so the other organs, which touch it, are
    unchanged.

    Args:
        probabilities: float32, shape (classes, z, y, x); changed in place.
        hu: Intensities on the same grid.
    """
    fat = hu < constants.pancreas_least_hu
    pancreas = probabilities[_PANCREAS]
    probabilities[0][fat] += pancreas[fat]
    pancreas[fat] = 0
