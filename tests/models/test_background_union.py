"""Surplus classes joined with the background."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from flarecli_models.background_union import join_background


def softmax(scores: np.ndarray, axis: int) -> np.ndarray:
    shifted = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return shifted / shifted.sum(axis=axis, keepdims=True)


SCORES = np.random.default_rng(0).normal(scale=4, size=(2, 9, 3, 4, 9)).astype(np.float32)


@pytest.mark.parametrize("axis", [1, -1])
def test_the_background_gets_the_probabilities_of_the_surplus_classes(axis: int) -> None:
    joined = np.asarray(ops.convert_to_numpy(join_background(SCORES, 4, axis)))
    apart = np.moveaxis(softmax(SCORES, axis), axis, 0)
    united = np.moveaxis(softmax(joined, axis), axis, 0)
    np.testing.assert_allclose(united[1:], apart[1:4], atol=1e-6)
    np.testing.assert_allclose(united[0], apart[0] + apart[4:].sum(0), atol=1e-6)


def test_large_scores_do_not_overflow() -> None:
    joined = ops.convert_to_numpy(join_background(np.array([[500.0, -500.0, 500.0]], np.float32), 2, 1))
    np.testing.assert_allclose(joined, [[500 + np.log(2), -500]], rtol=1e-6)
