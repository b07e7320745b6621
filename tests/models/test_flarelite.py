"""The networks of flarelite: sizes, shapes, and the same scores from any layout and input size."""

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


def test_surroundings_apart_or_joined_are_the_same_network() -> None:
    joined = residual_unet((16, 16, 16), (4, 6), 1, 5, surroundings=3)
    apart = residual_unet((16, 16, 16), (4, 6), 1, 5, surroundings=3, apart=True)
    apart.set_weights(joined.get_weights())
    image = np.random.default_rng(0).normal(size=(1, 1, 16, 16, 16)).astype(np.float32)
    scores, eight = predict(joined, image), predict(apart, image)
    assert (scores.shape[1], eight.shape[1]) == (5, 8)
    union = np.logaddexp.reduce(eight[:, [0, 5, 6, 7]], axis=1)
    np.testing.assert_allclose(scores[:, 0], union, atol=1e-4)
    np.testing.assert_allclose(scores[:, 1:], eight[:, 1:5], atol=1e-4)
