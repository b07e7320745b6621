"""Targets: what labels become, and what scores mean."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.phantom.surroundings import SURROUNDINGS
from flarecli.training.targets import Target

pytestmark = pytest.mark.any_backend
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


def test_surroundings_are_classes_of_their_own_until_they_are_scored() -> None:
    target = Target.SURROUNDINGS
    assert target.values == tuple(range(12))
    labels = np.arange(12, dtype=np.uint8)
    assert target.encoded(labels).tolist() == labels.tolist()
    assert target.scored(labels).tolist() == [0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0]
    assert target.without_surroundings is Target.CLASSES
    assert Target.ORGANS.without_surroundings is Target.ORGANS


def test_an_organ_must_beat_all_surroundings_together() -> None:
    scores = np.full((12, 1, 1, 3), -9, np.float32)
    scores[1] = 1.0
    # One neighbour that is less likely than the liver; two of them; the first again beside another organ.
    scores[5] = 0.8
    scores[6, ..., 1] = 0.8
    scores[4, ..., 2] = 1.1
    assert Target.SURROUNDINGS.decoded(scores).ravel().tolist() == [1, 0, 4]
    assert Target.CLASSES.decoded(scores).ravel().tolist() == [1, 0, 4]


def test_every_kind_of_surroundings_has_a_channel() -> None:
    from flarecli_models.flarelite import SURROUNDINGS as CHANNELS

    assert len(SURROUNDINGS) == CHANNELS
