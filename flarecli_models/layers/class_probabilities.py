"""Probabilities of classes from logits, those of surplus classes counted as background."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from flarecli_models.data_format import channel_axis, resolved_data_format


@keras.saving.register_keras_serializable(package="flarecli_models")
class ClassProbabilities(keras.layers.Layer):
    """The softmax of logits, with the probabilities of the surplus classes added to the background's, channel 0.

    Args:
        classes: Channels of the result: the background and the organs.
        data_format: "channels_first" or "channels_last"; the backend's best where None.

    Input: Logits, (batch, ...) with the background first, then the organs, then the surplus classes, if any.

    Output: Probabilities of `classes` channels, which sum to 1.
    """

    def __init__(self, classes: int, data_format: str | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.classes = classes
        self.data_format = resolved_data_format(data_format)

    def call(self, logits: Any) -> Any:
        axis = channel_axis(self.data_format)
        probabilities = ops.softmax(logits, axis=axis)
        if logits.shape[axis] == self.classes:
            return probabilities
        background, organs, surplus = ops.split(probabilities, [1, self.classes], axis=axis)
        return ops.concatenate([background + ops.sum(surplus, axis=axis, keepdims=True), organs], axis=axis)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        shape = list(input_shape)
        shape[channel_axis(self.data_format)] = self.classes
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes, "data_format": self.data_format}
