"""EfficientSegNet's losses: values by hand, and values and gradients of the published code."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest

from flarecli_models.multilabel_losses import dice, dice_cross_entropy, dice_focal, dice_top_k
from tests.models import model_checks as checks
from tests.models.loss_values import number, value_and_gradients
from tests.shared_data import shared_path

CHANNELS = 1

LOSSES = pytest.mark.parametrize(
    ("loss", "key"),
    [
        (dice, "dice"),
        (dice_focal, "diceAndFocal"),
        (dice_cross_entropy, "diceAndBce"),
        (dice_top_k, "diceAndTopK"),
    ],
    ids=["dice", "focal", "cross_entropy", "top_k"],
)


@checks.needs_training
@LOSSES
@pytest.mark.parametrize("case", ["a", "b", "c_emptyclass", "d_extreme"])
def test_values_and_gradients_are_those_of_the_published_code(loss: Callable[..., Any], key: str, case: str) -> None:
    with np.load(shared_path("fixtures/efficientsegnet_losses.npz")) as fixture:
        target, logits = fixture[f"{case}/target"], fixture[f"{case}/logits"]
        value, (gradient,) = value_and_gradients(lambda x: loss(target, x, CHANNELS), logits)
        expected = fixture[f"{case}/{key}/grad_logits"]
        # Of saturated probabilities the last bit decides whether a logarithm is of 0.
        assert value == pytest.approx(float(fixture[f"{case}/{key}/mean"]), rel=1e-3 if case == "d_extreme" else 1e-6)
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("alpha", "key"), [(0.5, "focal_only_from_prob"), (0.25, "focal_alpha0.25_from_prob")])
def test_the_focal_term_alone_is_that_of_the_published_code(alpha: float, key: str) -> None:
    with np.load(shared_path("fixtures/efficientsegnet_losses.npz")) as fixture:
        target, logits = fixture["a/target"], fixture["a/logits"]
        term = number(dice_focal(target, logits, CHANNELS, alpha)) - number(dice(target, logits, CHANNELS))
        assert term == pytest.approx(float(fixture[f"a/{key}/mean"]), abs=1e-6)


def logits_of(probability: np.ndarray) -> np.ndarray:
    return np.log(probability / (1 - probability)).astype(np.float32)


def test_dice_by_hand() -> None:
    # Two labels of two voxels each: 2 * 0.5 / (0.5² + 0.25² + 1) and 2 * 0.75 / (0.75² + 0.25² + 1).
    probability = np.array([[[0.5, 0.25], [0.75, 0.25]]])
    target = np.array([[[1.0, 0.0], [1.0, 0.0]]])
    expected = 1 - (1 / 1.3125 + 1.5 / 1.625) / 2
    assert number(dice(target, logits_of(probability), CHANNELS)) == pytest.approx(expected, abs=1e-6)


def test_cross_entropy_focal_and_top_k_terms_by_hand() -> None:
    probability = np.array([[[0.5, 0.25, 0.8, 0.9]]])
    target = np.array([[[1.0, 0.0, 1.0, 0.0]]])
    logits = logits_of(probability)
    entropy = -np.log([0.5, 0.75, 0.8, 0.1])
    focal = 0.5 * (0.5**2 + 0.25**2 + 0.2**2 + 0.9**2) / 2
    share = number(dice(target, logits, CHANNELS))
    for loss, term in (
        (dice_cross_entropy, entropy.mean()),
        (dice_focal, entropy.mean() * focal),
        (partial(dice_top_k, hardest_percent=[50]), np.sort(entropy)[2:].mean()),
    ):
        assert number(loss(target, logits, CHANNELS)) == pytest.approx(share + term, abs=1e-6)


@LOSSES
def test_the_axis_of_the_labels_does_not_matter(loss: Callable[..., Any], key: str) -> None:
    generator = np.random.default_rng(8)
    logits = generator.normal(0, 2, (2, 4, 3, 4, 5)).astype(np.float32)
    target = (generator.random(logits.shape) < 0.3).astype(np.uint8)
    first = number(loss(target, logits, CHANNELS))
    last = number(loss(np.moveaxis(target, 1, -1), np.moveaxis(logits, 1, -1)))
    assert last == pytest.approx(first, rel=1e-6)
    half = keras.ops.cast(logits, "float16")
    assert keras.backend.standardize_dtype(loss(target, half, CHANNELS).dtype) == "float32"
