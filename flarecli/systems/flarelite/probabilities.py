"""Probabilities from class scores, and what the two stages say together."""

from __future__ import annotations

import numpy as np


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities from logits along the first axis; float32 of the same shape."""
    shifted = np.exp(scores - scores.max(axis=0))
    shifted /= shifted.sum(axis=0)
    return shifted


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
    probabilities *= np.float32(refine_share)
    first_share = np.float32(1 - refine_share)
    probabilities[1:] += first_share * organs
    probabilities[0] += first_share * (1 - organs.sum(axis=0))
    return probabilities
