"""The networks of flarelite: sizes, shapes, and the same probabilities from any layout and input size."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli_models.data_format import channel_axis, resolved_data_format
from flarecli_models.flarelite import locate_unet, refine_unet, residual_unet
from tests.models.model_checks import predict


def test_numbers_of_parameters() -> None:
    assert locate_unet().count_params() == 1_191_820
    assert refine_unet().count_params() == 685_708


def test_weights_fit_into_four_megabytes() -> None:
    parameters = locate_unet().count_params() + refine_unet().count_params()
    assert 2 * parameters < 4 * 10**6


@pytest.mark.parametrize("size_zyx", [(32, 16, 48), (32, 32, 32)])
def test_probabilities_have_the_size_of_the_image(size_zyx: tuple[int, int, int]) -> None:
    model = residual_unet((None, None, None), (4, 6, 8, 8, 8), channels=1, classes=5)
    image = np.random.default_rng(0).normal(size=(1, 1, *size_zyx)).astype(np.float32)
    probabilities = predict(model, image)
    assert probabilities.shape == (1, 5, *size_zyx)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert probabilities.std() > 0.05


def test_the_second_stage_takes_image_and_probabilities() -> None:
    model = refine_unet((16, 16, 16), filters=(4, 6, 8))
    assert model.inputs[0].shape[channel_axis(resolved_data_format(None))] == 5


def test_what_is_trained_are_the_logits_of_what_is_predicted() -> None:
    predicting = residual_unet((16, 16, 16), (4, 6), 1, 5, surroundings=3)
    trained = residual_unet((16, 16, 16), (4, 6), 1, 5, surroundings=3, logits=True)
    trained.set_weights(predicting.get_weights())
    image = np.random.default_rng(0).normal(size=(1, 1, 16, 16, 16)).astype(np.float32)
    probabilities, logits = predict(predicting, image), predict(trained, image)
    assert (probabilities.shape[1], logits.shape[1]) == (5, 8)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities[:, 0], shares[:, [0, 5, 6, 7]].sum(axis=1), atol=1e-4)
    np.testing.assert_allclose(probabilities[:, 1:], shares[:, 1:5], atol=1e-4)
