"""Batch normalisation that takes every image for a batch of its own."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="flarecli_models")
class PerImageNormalization(keras.layers.BatchNormalization):
    """Normalises every image and channel by its own mean and biased variance, then scales and shifts.

    What `keras.layers.BatchNormalization` does in training with a batch of one. It has the same weights, so
    that weights trained with the one fit the other; the moving averages are neither used nor updated.

    Shapes: any with the batch first; arguments as of `keras.layers.BatchNormalization`.

    Source: VGG-13 U-Net code, whose inference leaves these layers in training mode and sees slice by slice.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        rank = len(inputs.shape)
        channel = self.axis % rank
        within = [axis for axis in range(1, rank) if axis != channel]
        # Moments of half-precision activations would lose what matters, as Keras' own layer knows.
        image = ops.cast(inputs, "float32")
        centred = image - ops.mean(image, axis=within, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=within, keepdims=True)
        per_channel = [-1 if axis == channel else 1 for axis in range(rank)]
        gamma = ops.reshape(ops.cast(self.gamma, "float32"), per_channel)
        beta = ops.reshape(ops.cast(self.beta, "float32"), per_channel)
        normalised = centred * (gamma * ops.rsqrt(variance + self.epsilon)) + beta
        return ops.cast(normalised, inputs.dtype)
