"""Soft Dice with cross-entropy: by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from flarecli_models.background_union import join_background
from flarecli_models.deep_supervision import softmax_cross_entropy
from flarecli_models.soft_dice import cross_entropy_dice, partial_cross_entropy, partial_cross_entropy_dice, soft_dice

LIKELY = np.array([[[0.5, 0.25], [0.25, 0.5], [0.25, 0.25]]], np.float32)
TARGET = np.array([[[1, 0], [0, 1], [0, 0]]], np.uint8)

PRESENT = 1 - (2 * 0.5 + 1) / (0.75 + 1 + 1)
ABSENT = 1 - 1 / (0.5 + 1)


def number(tensor: object) -> float:
    return float(keras.ops.convert_to_numpy(tensor))


def test_soft_dice_leaves_out_the_background_and_absent_organs() -> None:
    assert number(soft_dice(TARGET, np.log(LIKELY), 1)) == pytest.approx(PRESENT, abs=1e-6)
    both = number(soft_dice(TARGET, np.log(LIKELY), 1, skip_absent=False))
    assert both == pytest.approx((PRESENT + ABSENT) / 2, abs=1e-6)
    assert number(soft_dice(TARGET[:, :, :1], np.log(LIKELY[:, :, :1]), 1)) == 0


def test_the_sum_with_cross_entropy_on_either_axis() -> None:
    expected = pytest.approx(PRESENT - np.log(0.5), abs=1e-6)
    assert number(cross_entropy_dice(TARGET, np.log(LIKELY), 1)) == expected
    assert number(cross_entropy_dice(np.moveaxis(TARGET, 1, -1), np.log(np.moveaxis(LIKELY, 1, -1)), -1)) == expected


def test_perfect_predictions_cost_nothing() -> None:
    logits = np.where(TARGET == 1, 50.0, -50.0).astype(np.float32)
    assert number(cross_entropy_dice(TARGET, logits, 1)) == pytest.approx(0, abs=1e-6)


def test_dice_can_be_of_the_first_classes_alone() -> None:
    few = number(soft_dice(TARGET[:, :2], np.log(LIKELY[:, :2]), 1))
    # The softmax is over all classes, so the probabilities are made whole again first.
    assert number(soft_dice(TARGET, np.log(LIKELY), 1, dice_classes=1)) != pytest.approx(few, abs=1e-6)
    overlap = (LIKELY * TARGET)[:, 1].sum()
    total = LIKELY[:, 1].sum() + TARGET[:, 1].sum()
    expected = 1 - (2 * overlap + 1) / (total + 1)
    assert number(soft_dice(TARGET, np.log(LIKELY), 1, dice_classes=1)) == pytest.approx(expected, abs=1e-6)


def test_a_partial_label_of_one_class_is_an_ordinary_one() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (2, 5, 4, 3)).astype(np.float32)
    target = np.moveaxis(np.eye(5, dtype=np.float32)[rng.integers(0, 5, (2, 4, 3))], -1, 1)
    expected = number(softmax_cross_entropy(target, logits, 1))
    assert number(partial_cross_entropy(target, logits, 1)) == pytest.approx(expected, rel=1e-5)
    expected = number(cross_entropy_dice(target, logits, 1, dice_classes=2))
    assert number(partial_cross_entropy_dice(target, logits, 1, dice_classes=2)) == pytest.approx(expected, rel=1e-5)


def test_a_partial_label_of_the_background_is_the_union_of_its_classes() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, (1, 6, 7)).astype(np.float32)
    # Channel 0 and those after the second organ are background.
    allowed = np.zeros((1, 6, 7), np.float32)
    allowed[:, [0, 3, 4, 5]] = 1
    union = np.zeros((1, 3, 7), np.float32)
    union[:, 0] = 1
    expected = number(softmax_cross_entropy(union, join_background(logits, 3, 1), 1))
    assert number(partial_cross_entropy(allowed, logits, 1)) == pytest.approx(expected, rel=1e-5)
