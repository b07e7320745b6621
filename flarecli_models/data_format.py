"""Data formats: channels first or last, whichever is faster and correct on the backend in use."""

from __future__ import annotations

import keras

CHANNELS_FIRST = "channels_first"
CHANNELS_LAST = "channels_last"


def resolved_data_format(data_format: str | None) -> str:
    """The given layout, or the backend's better one where None: channels last on TensorFlow, else first.

    On PyTorch, Keras copies channels-last tensors around each convolution; on OpenVINO, channels first runs about
    twice as fast. Weights do not depend on the layout.

    Raises:
        ValueError: for an unknown layout, and for channels first on TensorFlow without a GPU: there, Keras sends
            3-D convolutions through XLA, which computes some shapes wrongly (TensorFlow 2.21: a 3x3x3 convolution
            of 32 channels at 16x24x32).
    """
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if data_format is None:
        return CHANNELS_LAST if on_tensorflow else CHANNELS_FIRST
    if data_format not in (CHANNELS_FIRST, CHANNELS_LAST):
        raise ValueError(f"data_format (={data_format!r}) must be {CHANNELS_FIRST!r}, {CHANNELS_LAST!r} or None")
    if data_format == CHANNELS_FIRST and on_tensorflow and not _tensorflow_has_gpu():
        raise ValueError(
            f"data_format (={data_format!r}) gives wrong 3-D convolutions on TensorFlow without a GPU; "
            f"use {CHANNELS_LAST!r} or None, the weights are the same"
        )
    return data_format


def channel_axis(data_format: str) -> int:
    """Axis of the channels in a batch of volumes."""
    return 1 if data_format == CHANNELS_FIRST else -1


def spatial_axes(data_format: str) -> tuple[int, int, int]:
    """Axes of z, y and x in a batch of volumes."""
    return (2, 3, 4) if data_format == CHANNELS_FIRST else (1, 2, 3)


def input_shape(
    shape_zyx: tuple[int | None, int | None, int | None], channels: int, data_format: str
) -> tuple[int | None, ...]:
    """Shape of one sample, without the batch axis."""
    return (channels, *shape_zyx) if data_format == CHANNELS_FIRST else (*shape_zyx, channels)


def _tensorflow_has_gpu() -> bool:
    import tensorflow

    return bool(tensorflow.config.list_physical_devices("GPU"))
