"""Trilinear resizing that keeps the outermost voxel centres where they are."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from flarecli_models.data_format import CHANNELS_FIRST, spatial_axes
from flarecli_models.layers.openvino_interpolation import openvino_trilinear


@keras.saving.register_keras_serializable(package="flarecli_models")
class AlignedResize3D(keras.layers.Layer):
    """Resizes volumes by linear interpolation with aligned corners, without antialiasing.

    Along each axis the output sample i lies at i (n_in - 1) / (n_out - 1) of the input: at the first sample where
    n_out is 1, and everywhere the same where n_in is 1. PyTorch calls this `align_corners=True`.

    Args:
        shape_zyx: Size of the output.
        data_format: "channels_first" or "channels_last"; Keras' setting where None.

    Shapes: (batch, channels, z, y, x) of known size to (batch, channels, *shape_zyx), or channels last.

    Source: EfficientSegNet code (upsampling of the decoder, branches of the context block).
    """

    def __init__(self, shape_zyx: tuple[int, int, int], data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        z, y, x = shape_zyx
        self.shape_zyx = (z, y, x)
        self.data_format = data_format or keras.config.image_data_format()
        self.built = True

    def call(self, inputs: Any) -> Any:
        backend = keras.backend.backend()
        if backend == "torch" and self.data_format == CHANNELS_FIRST:
            import torch

            return torch.nn.functional.interpolate(inputs, self.shape_zyx, mode="trilinear", align_corners=True)
        if backend == "openvino" and self.data_format == CHANNELS_FIRST:
            return openvino_trilinear(inputs, coordinates="align_corners", sizes=self.shape_zyx)
        for axis, size in zip(spatial_axes(self.data_format), self.shape_zyx, strict=True):
            inputs = _resize_axis(inputs, axis, size)
        return inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        resized = dict(zip(spatial_axes(self.data_format), self.shape_zyx, strict=True))
        return tuple(resized.get(axis, size) for axis, size in enumerate(input_shape))

    def interpolation_operations(self, input_shape: tuple[int, ...]) -> tuple[int, int]:
        """Multiplications and additions for an input of that shape: two and one for each sample of each pass."""
        shape = list(input_shape)
        samples = 0
        for axis, size in zip(spatial_axes(self.data_format), self.shape_zyx, strict=True):
            is_computed = shape[axis] not in (1, size)
            shape[axis] = size
            samples += math.prod(shape) if is_computed else 0
        return 2 * samples, samples

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape_zyx": self.shape_zyx, "data_format": self.data_format}


def aligned_matrix(n_in: int, n_out: int) -> np.ndarray:
    """The resizing of one axis as a float32 matrix of shape (n_out, n_in)."""
    position = np.arange(n_out) * ((n_in - 1) / max(n_out - 1, 1))
    lower = np.minimum(position.astype(int), max(n_in - 2, 0))
    matrix = np.zeros((n_out, n_in), np.float32)
    rows = np.arange(n_out)
    matrix[rows, lower] = 1 - (position - lower)
    matrix[rows, np.minimum(lower + 1, n_in - 1)] += position - lower
    return matrix


def resize_rows(
    layer: AlignedResize3D, x: Any, rows_in: tuple[int, int], size_in: int, rows_out: tuple[int, int]
) -> Any:
    """Some planes along z of what the layer gives, from some planes of its input.

    Args:
        layer: The layer.
        x: The planes of the input, otherwise shaped as the layer takes it.
        rows_in: First plane of `x` within the input, and the one behind its last.
        size_in: Planes of the whole input.
        rows_out: The planes wanted, likewise; `rows_in` must hold both neighbours of each.
    """
    z = spatial_axes(layer.data_format)[0]
    planes = rows_in[1] - rows_in[0]
    # In float32, as PyTorch computes the whole: one rounding to half precision, at the end.
    within_planes = AlignedResize3D((planes, *layer.shape_zyx[1:]), data_format=layer.data_format, dtype="float32")
    matrix = aligned_matrix(size_in, layer.shape_zyx[0])[slice(*rows_out), slice(*rows_in)]
    return ops.cast(_apply_along_axis(matrix, within_planes(x), z), x.dtype)


def _resize_axis(x: Any, axis: int, size: int) -> Any:
    if x.shape[axis] == size:
        return x
    return _apply_along_axis(aligned_matrix(x.shape[axis], size), x, axis)


def _apply_along_axis(matrix: np.ndarray, x: Any, axis: int) -> Any:
    """Interpolate one axis by a matrix product, whose gradient is one again, and deterministic."""
    shape = tuple(x.shape)
    rows = ops.reshape(x, (-1, shape[axis], math.prod(shape[axis + 1 :])))
    resized = ops.matmul(ops.cast(np.ascontiguousarray(matrix), x.dtype), rows)
    return ops.reshape(resized, (-1, *shape[1:axis], matrix.shape[0], *shape[axis + 1 :]))
