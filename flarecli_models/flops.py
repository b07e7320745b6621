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


@dataclass(frozen=True)
class Convolution:
    """One convolution of a network for a batch of one.

    Attributes:
        channels_in: Channels of its input.
        channels_out: Channels of its output.
        kernel: Size of its kernel along each spatial axis.
        strides: Steps of the kernel.
        size: Spatial size of its input.
        multiply_adds: Multiply-accumulate operations.
    """

    channels_in: int
    channels_out: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    size: tuple[int, ...]
    multiply_adds: int


def costliest_convolutions(model: keras.Model, shape_zyx: tuple[int, ...], count: int) -> tuple[Convolution, ...]:
    """The convolutions with the most multiply-adds, each shape once, the costliest first; transposed ones left out.

    Args:
        model: Functional Keras model with one input.
        shape_zyx: Spatial size of the input, without batch and channels.
        count: How many at most.
    """
    found: dict[Convolution, None] = {}

    def note(layer: Any, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> None:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv3D)) and not isinstance(
            layer, _TRANSPOSED_CONVOLUTIONS
        ):
            spatial = input_shape[2:] if layer.data_format == "channels_first" else input_shape[1:-1]
            *kernel, channels_in, channels_out = layer.kernel.shape
            multiply_adds = _of_layer(layer, input_shape, output_shape).multiply_adds
            found[
                Convolution(channels_in, channels_out, tuple(kernel), tuple(layer.strides), spatial, multiply_adds)
            ] = None

    _visit(model, full_shape(model, shape_zyx), note)
    return tuple(sorted(found, key=lambda convolution: -convolution.multiply_adds)[:count])


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

    def count(layer: Any, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> None:
        nonlocal counts
        counts += _of_layer(layer, input_shape, output_shape)

    _visit(model, input_shape, count)
    return counts


def _visit(
    model: keras.Model,
    input_shape: tuple[int, ...],
    visitor: Callable[[Any, tuple[int, ...], tuple[int, ...]], None],
) -> None:
    """Call `visitor` with each layer and the shapes of its first input and output."""

    def visited(operation: Any) -> Callable[..., Any]:
        def specify(*args: Any, **kwargs: Any) -> Any:
            result = operation.compute_output_spec(*args, **kwargs)
            entering, leaving = keras.tree.flatten(args)[:1], keras.tree.flatten(result)[:1]
            if entering and leaving:
                visitor(operation, tuple(entering[0].shape), tuple(leaving[0].shape))
            return result

        return specify

    # The walk that Keras itself takes through a functional graph; there is no public way to visit its nodes.
    model._run_through_graph([keras.KerasTensor(input_shape)], operation_fn=visited)


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
