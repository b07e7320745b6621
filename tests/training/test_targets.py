"""Targets: what labels become, and what scores mean."""

from __future__ import annotations

import numpy as np

from flarecli.training.targets import Target

LABELS = np.array([0, 1, 2, 3, 4], np.uint8)


def test_labels_become_values() -> None:
    assert Target.ANY_ORGAN.encoded(LABELS).tolist() == [0, 1, 1, 1, 1]
    assert Target.CLASSES.encoded(LABELS).tolist() == LABELS.tolist()
    assert Target.ANY_ORGAN.values == (0, 1)
    assert Target.CLASSES.values == (0, 1, 2, 3, 4)
    assert Target.ORGANS.values == (1, 2, 3, 4)


def test_exclusive_classes_are_decoded_by_their_highest_score() -> None:
    scores = np.random.default_rng(0).normal(size=(5, 4, 6, 7)).astype(np.float32)
    assert np.array_equal(Target.CLASSES.decoded(scores), scores.argmax(axis=0))


def test_independent_organs_are_decoded_by_sign_the_later_one_counting() -> None:
    scores = np.array([[-1, 1, 1, 0], [-1, -1, 1, -1], [-1, -1, -1, -1], [-1, -1, -1, -1]], np.float32)
    assert Target.ORGANS.decoded(scores).tolist() == [0, 1, 2, 1]
