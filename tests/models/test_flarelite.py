"""The networks of flarelite: sizes, shapes, and the same scores from any layout and input size."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from flarecli_models.data_format import channel_axis, resolved_data_format
from flarecli_models.flarelite import locate_unet, refine_unet, residual_unet
from flarecli_models.softmax_losses import cross_entropy_and_dice
from tests.models.model_checks import BACKEND, needs_training, predict


def test_numbers_of_parameters() -> None:
    assert locate_unet().count_params() == 1_191_701
    assert refine_unet().count_params() == 685_589


def test_weights_fit_into_four_megabytes() -> None:
    parameters = locate_unet().count_params() + refine_unet().count_params()
    assert 2 * parameters < 4 * 10**6


@pytest.mark.parametrize("size_zyx", [(32, 16, 48), (32, 32, 32)])
def test_scores_have_the_size_of_the_image(size_zyx: tuple[int, int, int]) -> None:
    model = residual_unet((None, None, None), (4, 6, 8, 8, 8), channels=1, classes=5)
    image = np.random.default_rng(0).normal(size=(1, 1, *size_zyx)).astype(np.float32)
    scores = predict(model, image)
    assert scores.shape == (1, 5, *size_zyx)
    assert np.isfinite(scores).all()
    assert scores.std() > 0.1


def test_the_second_stage_takes_image_and_probabilities() -> None:
    model = refine_unet((16, 16, 16), filters=(4, 6, 8))
    assert model.inputs[0].shape[channel_axis(resolved_data_format(None))] == 5


def test_a_shift_by_the_coarsest_voxel_shifts_the_scores() -> None:
    """Nothing but the border tells a network where it is."""
    model = residual_unet((None, None, None), (4, 6, 8), channels=1, classes=3)
    image = np.zeros((1, 1, 32, 32, 64), np.float32)
    image[0, 0, 12:20, 12:20, 28:36] = np.random.default_rng(1).normal(size=(8, 8, 8))
    moved = np.roll(image, 4, axis=-1)
    np.testing.assert_allclose(predict(model, image)[..., 16:44], predict(model, moved)[..., 20:48], atol=1e-3)


def _one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.moveaxis(np.eye(classes, dtype=np.float32)[labels], -1, 1)


@pytest.mark.skipif(BACKEND == "openvino", reason="losses are for training")
def test_the_loss_is_cross_entropy_plus_dice_of_the_classes_that_are_there() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, (2, 4, 5, 6))
    logits = rng.normal(size=(2, 4, 4, 5, 6)).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    target = _one_hot(labels, 4)
    entropy = -np.log(probabilities[target > 0]).mean()
    overlap = (target * probabilities).sum((0, 2, 3, 4))
    total = (target + probabilities).sum((0, 2, 3, 4))
    dice = ((2 * overlap + 1) / (total + 1))[1:3].mean()
    found = keras.ops.convert_to_numpy(cross_entropy_and_dice(labels, logits, channel_axis=1))
    assert float(found) == pytest.approx(entropy + 1 - dice, rel=1e-5)


@needs_training
def test_perfect_scores_cost_nothing() -> None:
    labels = np.random.default_rng(4).integers(0, 5, (1, 4, 4, 4))
    logits = 50 * np.eye(5, dtype=np.float32)[labels]
    assert float(keras.ops.convert_to_numpy(cross_entropy_and_dice(labels, logits))) == pytest.approx(0, abs=1e-5)
