"""Probabilities from class scores, what the two stages say together, and what the intensities rule out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flarecli.organs import ORGANS
from flarecli.systems.flarelite.constants import FlareliteConstants

_PANCREAS = next(organ.label for organ in ORGANS if organ.name == "pancreas")


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities from logits along the first axis; float32 of the same shape, (classes, z, y, x)."""
    probabilities = np.empty(scores.shape, np.float32)
    for logits, shares in _slices(scores, probabilities):
        np.exp(np.subtract(logits, logits.max(axis=0), out=shares), out=shares)
        shares /= shares.sum(axis=0)
    return probabilities


def combined(scores: np.ndarray, organs: np.ndarray, refine_share: float) -> np.ndarray:
    """The mean of what both stages hold likely: the first one knows the surroundings, the second one the borders.

    Args:
        scores: The second stage's logits, float32, shape (classes, z, y, x).
        organs: The first stage's probabilities of all classes but the background, on the same grid.
        refine_share: Weight of the second stage, 0 to 1.

    Returns:
        float32 probabilities of the shape of `scores`.
    """
    probabilities = softmax(scores)
    first_share = np.float32(1 - refine_share)
    for shares, first in _slices(probabilities, organs):
        shares *= np.float32(refine_share)
        shares[1:] += first_share * first
        shares[0] += first_share * (1 - first.sum(axis=0))
    return probabilities


def _slices(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Slices at each z: small enough to stay in the processor's cache from one operation to the next."""
    return zip(*(np.moveaxis(array, 1, 0) for array in arrays), strict=True)


def without_fat(probabilities: np.ndarray, hu: np.ndarray, constants: FlareliteConstants) -> None:
    """Give the pancreas's probability in voxels of fat to the background.

    Fat grows around and between the lobules of the pancreas; a voxel that is fat for the most part is none of it. At
    the lung a voxel of the same intensity is half organ, so the other organs, which touch it, are left as they are.

    Args:
        probabilities: float32, shape (classes, z, y, x); changed in place.
        hu: Intensities on the same grid.
    """
    fat = hu < constants.pancreas_least_hu
    pancreas = probabilities[_PANCREAS]
    probabilities[0][fat] += pancreas[fat]
    pancreas[fat] = 0
