"""Keras layers as native PyTorch operations, where Keras takes more passes over the tensors than PyTorch needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
from keras import layers

from flarecli_models.data_format import CHANNELS_FIRST
from flarecli_models.layers import AlignedResize3D, InstanceNormalization

Operation = Callable[[Any], Any]


def torch_operation(layer: Any, *, may_overwrite: bool, channels_innermost: bool = False) -> Operation | None:
    """What a layer does in inference, as one operation of PyTorch.

    Keras adds the bias of a convolution in a pass of its own, normalises batches in several, and keeps the input of
    every activation.

    Args:
        layer: An operation of a functional model.
        may_overwrite: Whether nothing else needs the layer's input, so that the result may take its place.
        channels_innermost: Whether convolutions on a CPU take and give tensors whose channels lie next to each other
            in memory; axes stay as they are.

    Returns:
        The operation, or None where Keras' own is as good.
    """
    if isinstance(layer, layers.Conv2D | layers.Conv3D) and _is_plain(layer):
        return _convolution(layer, symmetric_margins(layer), channels_innermost)
    # Not what is derived from it: other statistics.
    if type(layer) is layers.BatchNormalization and layer.axis == 1 and layer.scale and layer.center:
        return _batch_normalization(layer)
    if isinstance(layer, layers.LeakyReLU) and may_overwrite:
        return _leaky_relu(layer.negative_slope)
    if may_overwrite and is_plain_relu(layer):
        return _relu
    return None


def torch_padded_operation(padding: Any, layer: Any, *, follows_relu: bool) -> Operation | None:
    """What a layer does together with the padding before it, without a padded copy.

    Args:
        padding: The operation that gives the layer's input.
        layer: An operation of a functional model.
        follows_relu: Whether what is padded is never below 0, so that zeros around it are no maxima.

    Returns:
        The operation, to be given what the padding was; None where the two cannot be joined.
    """
    if not isinstance(padding, layers.ZeroPadding2D | layers.ZeroPadding3D) or padding.data_format != CHANNELS_FIRST:
        return None
    margins = tuple(before for before, _ in padding.padding)
    if any(before != after for before, after in padding.padding) or layer.__class__ not in _PADDED:
        return None
    if layer.padding != "valid" or layer.data_format != CHANNELS_FIRST:
        return None
    if not isinstance(layer, layers.MaxPooling3D):
        return _convolution(layer, margins) if _is_plain(layer) else None
    fits = all(2 * margin <= size for margin, size in zip(margins, layer.pool_size, strict=True))
    return _max_pooling(layer, margins) if follows_relu and fits else None


def torch_sum(layer: Any, is_spare: Sequence[bool]) -> Operation | None:
    """A sum that is written over one of its summands.

    Args:
        layer: An operation of a functional model.
        is_spare: Of each summand, whether nothing else needs it.

    Returns:
        The operation, or None where the layer is no sum, or neither of the first two summands is to spare: with a
        later one first, rounding would change.
    """
    if type(layer) is not layers.Add or not any(is_spare[:2]):
        return None
    first = list(is_spare).index(True)

    def add(summands: list[Any]) -> Any:
        total, *others = summands[first], *summands[:first], *summands[first + 1 :]
        if any(other.shape != total.shape or other.dtype != total.dtype for other in others):
            return layer(summands)
        for other in others:
            total.add_(other)
        return total

    return add


def gains_from_innermost_channels(operations: Iterable[Any]) -> bool:
    """Whether a model is faster with channels next to each other in memory.

    On a CPU that makes convolutions 1.3 to 2 times as fast (PyTorch 2.13), and most of what lies between them keeps
    the order of its input. Instance normalisation in less than float32 and aligned resizing copy, there and back: with
    these it takes more memory and no less time.
    """
    return not any(
        isinstance(operation, AlignedResize3D)
        or (isinstance(operation, InstanceNormalization) and operation.compute_dtype != "float32")
        for operation in operations
    )


def symmetric_margins(layer: Any) -> tuple[int, ...] | None:
    """Zeros that a convolution adds to both ends of each axis; None where it pads the ends differently."""
    if layer.padding == "valid":
        return (0,) * len(layer.kernel_size)
    if layer.padding != "same" or set(layer.strides) != {1} or not all(size % 2 for size in layer.kernel_size):
        return None
    return tuple(step * (size // 2) for size, step in zip(layer.kernel_size, layer.dilation_rate, strict=True))


def gives_own_tensor(layer: Any) -> bool:
    """Whether the result of a layer is never its input nor a view of it, so that it may be overwritten."""
    if isinstance(layer, AlignedResize3D):
        return layer.data_format == CHANNELS_FIRST
    return isinstance(layer, _GIVING_THEIR_OWN)


def returns_its_input(layer: Any) -> bool:
    """Whether a layer does nothing in inference."""
    return isinstance(layer, layers.Dropout | layers.SpatialDropout3D)


_GIVING_THEIR_OWN = (
    layers.Conv2D,
    layers.Conv3D,
    layers.Add,
    layers.BatchNormalization,
    layers.Concatenate,
    InstanceNormalization,
)

_PADDED = (layers.Conv2D, layers.Conv3D, layers.MaxPooling3D)
"""What can be joined with the padding before it."""


def _is_plain(layer: Any) -> bool:
    """Whether padding is the same on both sides, and nothing but a bias follows."""
    return (
        symmetric_margins(layer) is not None
        and layer.data_format == CHANNELS_FIRST
        and layer.groups == 1
        and layer.activation is keras.activations.linear
        and not getattr(layer, "quantization_mode", None)
        and not getattr(layer, "lora_enabled", False)
    )


def is_plain_relu(layer: Any) -> bool:
    """Whether a layer gives max(x, 0)."""
    if not isinstance(layer, layers.ReLU):
        return False
    return layer.max_value is None and not layer.negative_slope and not layer.threshold


def _convolution(layer: Any, margins: tuple[int, ...] | None, channels_innermost: bool = False) -> Operation:
    import torch

    dtype = getattr(torch, layer.compute_dtype)
    rank = len(layer.kernel_size)
    kernel_axes = (rank + 1, rank, *range(rank))
    convolution = torch.nn.functional.conv2d if rank == 2 else torch.nn.functional.conv3d
    innermost = torch.channels_last if rank == 2 else torch.channels_last_3d

    def convolve(x: Any) -> Any:
        if channels_innermost and x.device.type == "cpu":
            x = x.contiguous(memory_format=innermost)
        kernel = layer.kernel.value.permute(kernel_axes).to(dtype)
        bias = layer.bias.value.to(dtype) if layer.use_bias else None
        return convolution(x.to(dtype), kernel, bias, layer.strides, margins, layer.dilation_rate)

    return convolve


def _batch_normalization(layer: Any) -> Operation:
    import torch

    dtype = getattr(torch, layer.compute_dtype)

    def normalize(x: Any, mask: None = None) -> Any:
        mean, variance = layer.moving_mean.value, layer.moving_variance.value
        return torch.nn.functional.batch_norm(
            x.to(dtype), mean, variance, layer.gamma.value, layer.beta.value, eps=layer.epsilon
        )

    return normalize


def _max_pooling(layer: Any, margins: tuple[int, ...]) -> Operation:
    import torch

    def pool(x: Any) -> Any:
        return torch.nn.functional.max_pool3d(x, layer.pool_size, layer.strides, margins)

    return pool


def _leaky_relu(slope: float) -> Operation:
    import torch

    def activate(x: Any) -> Any:
        return torch.nn.functional.leaky_relu(x, slope, inplace=True)

    return activate


def _relu(x: Any) -> Any:
    return x.relu_()
