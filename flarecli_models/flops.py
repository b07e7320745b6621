"""Floating-point operations of a Keras model, counted over its layers for a given input size.

Counted as TensorFlow's profiler counts a graph: a multiply-add is two operations; convolutions and dense layers,
additions of biases, and the multiplications and additions of interpolating layers. Not counted, as there:
activations, pooling, normalisation, concatenation, softmax.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

_CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
)
_TRANSPOSED_CONVOLUTIONS = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)


@dataclass(frozen=True)
class OperationCounts:
    """Floating-point operations of one call with a batch of one.

    Attributes:
        convolution: Of convolutions and dense layers: a multiplication and an addition for each weight applied.
        bias: Additions of biases.
        interpolation_products: Multiplications of interpolating layers.
        interpolation_sums: Additions of interpolating layers.
    """

    convolution: int = 0
    bias: int = 0
    interpolation_products: int = 0
    interpolation_sums: int = 0

    @property
    def total(self) -> int:
        """All operations."""
        return self.convolution + self.bias + self.interpolation_products + self.interpolation_sums

    @property
    def multiply_adds(self) -> int:
        """Multiply-accumulate operations ("MACs") of convolutions and dense layers."""
        return self.convolution // 2

    def __add__(self, other: OperationCounts) -> OperationCounts:
        return OperationCounts(
            self.convolution + other.convolution,
            self.bias + other.bias,
            self.interpolation_products + other.interpolation_products,
            self.interpolation_sums + other.interpolation_sums,
        )


def count_operations(model: keras.Model, shape_zyx: tuple[int, ...]) -> OperationCounts:
    """Count the operations of a functional model with one input; nothing is computed.

    A layer of one's own is counted when it has a method `interpolation_operations(input_shape)` that returns its
    multiplications and additions.

    Args:
        model: Functional Keras model; its input sizes may be None.
        shape_zyx: Spatial size of the input, in the model's order of axes, without batch and channels.

    Raises:
        ValueError: when `shape_zyx` does not have as many axes as the model's input, or contradicts its sizes.
    """
    return _of_model(model, full_shape(model, shape_zyx))


def full_shape(model: keras.Model, shape_zyx: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a batch of one. The channels are the known size at the second or last place, spatial ones the rest."""
    _, *symbolic = model.inputs[0].shape
    first = (symbolic[0], *shape_zyx)
    last = (*shape_zyx, symbolic[-1])
    for shape in (last, first):
        if len(shape) == len(symbolic) and all(
            size is not None and known in (None, size) for known, size in zip(symbolic, shape, strict=True)
        ):
            return (1, *shape)
    raise ValueError(f"shape_zyx (={shape_zyx}) does not fit the input {tuple(symbolic)} of {model.name}")


def _of_model(model: keras.Model, input_shape: tuple[int, ...]) -> OperationCounts:
    counts = OperationCounts()

    def counted(operation: Any) -> Callable[..., Any]:
        def specify(*args: Any, **kwargs: Any) -> Any:
            nonlocal counts
            result = operation.compute_output_spec(*args, **kwargs)
            entering, leaving = keras.tree.flatten(args)[:1], keras.tree.flatten(result)[:1]
            if entering and leaving:
                counts += _of_layer(operation, tuple(entering[0].shape), tuple(leaving[0].shape))
            return result

        return specify

    # The walk that Keras itself takes through a functional graph; there is no public way to visit its nodes.
    model._run_through_graph([keras.KerasTensor(input_shape)], operation_fn=counted)
    return counts


def _of_layer(layer: Any, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> OperationCounts:
    if isinstance(layer, keras.Model):
        return _of_model(layer, input_shape)
    if hasattr(layer, "interpolation_operations"):
        products, sums = layer.interpolation_operations(input_shape)
        return OperationCounts(interpolation_products=products, interpolation_sums=sums)
    # In a transposed convolution each input voxel meets every weight, in the others each output voxel does.
    if isinstance(layer, _TRANSPOSED_CONVOLUTIONS):
        places = _places(layer, input_shape)
    elif isinstance(layer, _CONVOLUTIONS):
        places = _places(layer, output_shape)
    elif isinstance(layer, keras.layers.Dense):
        places = math.prod(output_shape[:-1])
    else:
        return OperationCounts()
    return OperationCounts(
        convolution=2 * math.prod(layer.kernel.shape) * places,
        bias=math.prod(output_shape) if layer.use_bias else 0,
    )


def _places(layer: Any, shape: tuple[int, ...]) -> int:
    """Number of spatial positions of all samples."""
    spatial = shape[2:] if layer.data_format == "channels_first" else shape[1:-1]
    return shape[0] * math.prod(spatial)
