"""Sizes of activations, counted by hand for small models."""

from __future__ import annotations

import keras
import pytest

from flarecli_models.activations import count_activations


def chain() -> keras.Model:
    image = keras.Input((None, None, 1))
    wide = keras.layers.Conv2D(8, 3, padding="same", data_format="channels_last")(image)
    small = keras.layers.MaxPooling2D(2, data_format="channels_last")(wide)
    scores = keras.layers.Conv2D(3, 1, data_format="channels_last")(small)
    return keras.Model(image, scores)


def test_chain_holds_two_neighbours_at_most() -> None:
    counts = count_activations(chain(), (4, 6))
    image, wide, small, scores = 24, 24 * 8, 6 * 8, 6 * 3
    assert counts.all_together == image + wide + small + scores
    assert counts.largest_alive == wide + small


def test_skip_connection_stays_alive() -> None:
    image = keras.Input((4, 4, 2))
    small = keras.layers.MaxPooling2D(2, data_format="channels_last")(image)
    large = keras.layers.UpSampling2D(2, data_format="channels_last")(small)
    model = keras.Model(image, keras.layers.Concatenate()([image, large]))
    # Image, upsampled image and their concatenation.
    assert count_activations(model, (4, 4)).largest_alive == 32 + 32 + 64


def test_outputs_that_are_not_wanted_do_not_count() -> None:
    image = keras.Input((4, 4, 2))
    model = keras.Model(
        image,
        {
            "final": keras.layers.Conv2D(1, 1, data_format="channels_last")(image),
            "aside": keras.layers.Conv2D(100, 1, data_format="channels_last")(image),
        },
    )
    assert count_activations(model, (4, 4), "final").all_together == 32 + 16


def test_size_must_fit() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        count_activations(chain(), (4, 6, 8))
