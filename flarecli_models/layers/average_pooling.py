"""Average pooling that accepts half precision on every backend."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="flarecli_models")
class AveragePooling3D(keras.layers.AveragePooling3D):
    """Keras' average pooling; where the backend's kernel lacks a half precision, it goes through float32.

    Shapes, arguments and results as of `keras.layers.AveragePooling3D`.
    """

    def call(self, inputs: Any) -> Any:
        if _lacks_kernel(inputs):
            return ops.cast(super().call(ops.cast(inputs, "float32")), inputs.dtype)
        return super().call(inputs)


def _lacks_kernel(inputs: Any) -> bool:
    """Seen on CPUs: PyTorch 2.13 pools volumes in float32 only, TensorFlow 2.21 in float32 and bfloat16."""
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    if keras.backend.backend() == "torch":
        return dtype in ("float16", "bfloat16") and inputs.device.type == "cpu"
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return dtype == "float16" and not tensorflow.config.list_physical_devices("GPU")
    return False
