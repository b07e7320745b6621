"""EfficientSCN's losses: values by hand, and values and gradients of the published code."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from flarecli_models.layers import EntropyFusion
from flarecli_models.losses import generalized_dice, sigmoid_cross_entropy
from tests.models import model_checks as checks
from tests.models.loss_values import number, value_and_gradients
from tests.shared_data import shared_path

CHANNELS = 1
"""Axis of the channels in the fixtures."""


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.moveaxis(np.eye(classes, dtype=np.uint8)[labels], -1, CHANNELS)


def dice_by_hand(target: np.ndarray, prediction: np.ndarray) -> float:
    """The definition, written out sample by sample and class by class."""
    losses = []
    for sample_target, sample in zip(target.astype(np.float64), prediction.astype(np.float64), strict=True):
        overlap = total = 0.0
        for wanted, given in zip(sample_target, sample, strict=True):
            weight = 1.0 / (wanted.sum() ** 2 + 1e-4)
            overlap += weight * (wanted * given).sum()
            total += weight * (wanted + given**2).sum()
        losses.append(1.0 - 2.0 * (overlap + 1e-8) / (total + 1e-8))
    return float(np.mean(losses))


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray]:
    """One-hot targets and scores (2, 4, 3, 4, 5); the classes of the two samples differ in size."""
    generator = np.random.default_rng(6)
    labels = generator.integers(0, 4, (2, 3, 4, 5))
    labels[1, :2] = 0
    return one_hot(labels, 4), generator.uniform(0, 1, (2, 4, 3, 4, 5)).astype(np.float32)


def test_dice_equals_its_definition(sample: tuple[np.ndarray, np.ndarray]) -> None:
    target, scores = sample
    assert number(generalized_dice(target, scores, CHANNELS)) == pytest.approx(dice_by_hand(target, scores), abs=1e-6)


def test_dice_of_logits_takes_their_softmax(sample: tuple[np.ndarray, np.ndarray]) -> None:
    target, logits = sample
    likely = np.exp(logits) / np.exp(logits).sum(axis=CHANNELS, keepdims=True)
    value = number(generalized_dice(target, logits, CHANNELS, from_logits=True))
    assert value == pytest.approx(dice_by_hand(target, likely), abs=1e-6)


def test_dice_knows_the_channels_on_the_last_axis(sample: tuple[np.ndarray, np.ndarray]) -> None:
    target, scores = (np.moveaxis(values, CHANNELS, -1) for values in sample)
    assert number(generalized_dice(target, scores)) == pytest.approx(dice_by_hand(*sample), abs=1e-6)


def test_a_perfect_prediction_costs_nothing(sample: tuple[np.ndarray, np.ndarray]) -> None:
    target, _ = sample
    assert number(generalized_dice(target, target, CHANNELS)) == pytest.approx(0.0, abs=1e-6)


def test_an_absent_class_outweighs_the_others_unless_skipped(sample: tuple[np.ndarray, np.ndarray]) -> None:
    target, scores = (values[:1] for values in sample)
    absent = np.concatenate([target, np.zeros_like(target[:, :1])], axis=CHANNELS)
    seen = np.concatenate([scores, np.full_like(scores[:, :1], 0.5)], axis=CHANNELS)
    assert number(generalized_dice(absent, seen, CHANNELS)) == pytest.approx(1.0, abs=1e-3)
    skipping = number(generalized_dice(absent, seen, CHANNELS, skip_absent=True))
    assert skipping == pytest.approx(number(generalized_dice(target, scores, CHANNELS)), abs=1e-6)


def test_cross_entropy_equals_its_definition(sample: tuple[np.ndarray, np.ndarray]) -> None:
    target, logits = sample
    likely = 1 / (1 + np.exp(-logits.astype(np.float64)))
    expected = -np.mean(np.where(target == 1, np.log(likely), np.log(1 - likely)))
    assert number(sigmoid_cross_entropy(target, logits)) == pytest.approx(expected, abs=1e-6)


def test_cross_entropy_of_large_logits_is_finite() -> None:
    target, logits = np.array([[1.0, 0.0]], np.float32), np.array([[-200.0, 200.0]], np.float32)
    assert number(sigmoid_cross_entropy(target, logits)) == pytest.approx(200.0)


DICE_CASES = [
    "gdl_logits_2",
    "gdl_prob_5",
    "gdl_prob_5_not_normalised",
    "gdl_prob_5_label3_absent",
    "gdl_prob_5_perfect",
    "gdl_prob_5_batch2",
]


@pytest.mark.parametrize("case", [*DICE_CASES, "sigmoid_ce_5"])
def test_losses_equal_the_published_code(case: str) -> None:
    with np.load(shared_path("fixtures/scn_losses.npz")) as fixture:
        target, values = fixture[f"{case}/labels_onehot"], fixture[f"{case}/input"]
        assert number(_loss(case, target, values)) == pytest.approx(float(fixture[f"{case}/loss"]), abs=1e-6)


@checks.needs_training
@pytest.mark.parametrize("case", [*DICE_CASES, "sigmoid_ce_5"])
def test_gradients_equal_the_published_code(case: str) -> None:
    with np.load(shared_path("fixtures/scn_losses.npz")) as fixture:
        target = fixture[f"{case}/labels_onehot"]
        _, (gradient,) = value_and_gradients(lambda x: _loss(case, target, x), fixture[f"{case}/input"])
        _assert_same_gradient(gradient, fixture[f"{case}/grad"])


def test_total_segmentation_loss_equals_the_published_code() -> None:
    with np.load(shared_path("fixtures/scn_losses.npz")) as fixture:
        target, local, spatial = (
            fixture[f"total/{key}"] for key in ("labels_onehot", "local_logits", "spatial_logits")
        )
        final = EntropyFusion(channel_axis=CHANNELS)(local, spatial)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(final), fixture["total/fused_final"], rtol=0, atol=1e-6)
        terms = {
            "gdl": generalized_dice(target, final, CHANNELS),
            "local": sigmoid_cross_entropy(target, local),
            "spatial": sigmoid_cross_entropy(target, spatial),
        }
        for name, term in terms.items():
            assert number(term) == pytest.approx(float(fixture[f"total/loss_{name}"]), abs=1e-6)
        assert sum(map(number, terms.values())) == pytest.approx(float(fixture["total/loss"]), abs=2e-6)


@checks.needs_training
def test_total_segmentation_gradients_equal_the_published_code() -> None:
    with np.load(shared_path("fixtures/scn_losses.npz")) as fixture:
        target = fixture["total/labels_onehot"]

        def total(local: Any, spatial: Any) -> Any:
            final = EntropyFusion(channel_axis=CHANNELS)(local, spatial)
            separate = sigmoid_cross_entropy(target, local) + sigmoid_cross_entropy(target, spatial)
            return generalized_dice(target, final, CHANNELS) + separate

        value, (local, spatial) = value_and_gradients(
            total, fixture["total/local_logits"], fixture["total/spatial_logits"]
        )
        assert value == pytest.approx(float(fixture["total/loss"]), abs=2e-6)
        _assert_same_gradient(local, fixture["total/grad_local_logits"])
        _assert_same_gradient(spatial, fixture["total/grad_spatial_logits"])


def _loss(case: str, target: np.ndarray, values: Any) -> Any:
    if case == "sigmoid_ce_5":
        return sigmoid_cross_entropy(target, values)
    return generalized_dice(target, values, CHANNELS, from_logits="logits" in case)


def _assert_same_gradient(actual: np.ndarray, expected: np.ndarray) -> None:
    # Gradients of means over 960 voxels are small, so their size sets the tolerance.
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=max(1e-9, 1e-5 * np.abs(expected).max()))
