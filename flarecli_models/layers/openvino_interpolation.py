"""Trilinear interpolation as OpenVINO's own operation, on tensors of the Keras backend."""

from __future__ import annotations

from typing import Any

import numpy as np


def openvino_trilinear(x: Any, *, coordinates: str, sizes: Any = None, scales: Any = None) -> Any:
    """Resize the last three axes of a 5-D tensor, channels first.

    Args:
        x: Tensor of Keras' OpenVINO backend.
        coordinates: OpenVINO's `coordinate_transformation_mode`: "half_pixel" or "align_corners".
        sizes: Output size along z, y and x; or
        scales: Factors along z, y and x.
    """
    from keras.src.backend.openvino.core import OpenVINOKerasTensor
    from openvino import opset16

    by_size = sizes is not None
    resized = opset16.interpolate(
        x.output,
        np.array(sizes, np.int64) if by_size else np.array(scales, np.float32),
        mode="linear_onnx",
        shape_calculation_mode="sizes" if by_size else "scales",
        coordinate_transformation_mode=coordinates,
        axes=np.array([2, 3, 4], np.int64),
    )
    return OpenVINOKerasTensor(resized.output(0))
