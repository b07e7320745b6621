"""Average pooling that computes in half precision on every backend."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="flarecli_models")
class AveragePooling3D(keras.layers.AveragePooling3D):
    """Keras' average pooling; on PyTorch's CPU, which pools only float32, half precision goes through float32.

    Shapes, arguments and results as of `keras.layers.AveragePooling3D`.
    """

    def call(self, inputs: Any) -> Any:
        if keras.backend.backend() == "torch":
            import torch

            if inputs.device.type == "cpu" and inputs.dtype in (torch.float16, torch.bfloat16):
                return super().call(inputs.float()).to(inputs.dtype)
        return super().call(inputs)
