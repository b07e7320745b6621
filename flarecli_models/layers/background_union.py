"""Classes that count as background, joined with it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from flarecli_models.data_format import channel_axis, resolved_data_format


def join_background(logits: Any, classes: int, axis: int) -> Any:
    """Logits of `classes` channels, those after them joined with the background; see `BackgroundUnion`."""
    background, organs, surplus = ops.split(logits, [1, classes], axis=axis)
    union = ops.logsumexp(ops.concatenate([background, surplus], axis=axis), axis=axis, keepdims=True)
    return ops.concatenate([union, organs], axis=axis)


@keras.saving.register_keras_serializable(package="flarecli_models")
class BackgroundUnion(keras.layers.Layer):
    """Join the surplus classes of logits with the background, channel 0.

    The softmax of the result gives the organs the probabilities that they have among all classes, and the background
    the sum of the others: its logit becomes the logarithm of the sum of exponentials of theirs.

    Args:
        classes: Channels of the result: the background and the organs.
        data_format: "channels_first" or "channels_last"; the backend's best where None.

    Input: Logits, (batch, ...) with the background first, then the organs, then the surplus classes.

    Output: Logits of `classes` channels.
    """

    def __init__(self, classes: int, data_format: str | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.classes = classes
        self.data_format = resolved_data_format(data_format)

    def call(self, logits: Any) -> Any:
        return join_background(logits, self.classes, channel_axis(self.data_format))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        shape = list(input_shape)
        shape[channel_axis(self.data_format)] = self.classes
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes, "data_format": self.data_format}
