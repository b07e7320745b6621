"""Keras layers in PyTorch's own words, where Keras takes more passes over the tensors than PyTorch needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from flarecli_models.data_format import CHANNELS_FIRST
from flarecli_models.layers import InstanceNormalization

Operation = Callable[[Any], Any]


def torch_operation(layer: Any, *, may_overwrite: bool) -> Operation | None:
    """What a layer does in inference, as one operation of PyTorch.

    Keras adds the bias of a convolution in a pass of its own, and keeps the input of every activation.

    Args:
        layer: An operation of a functional model.
        may_overwrite: Whether nothing else needs the layer's input, so that the result may take its place.

    Returns:
        The operation, or None where Keras' own is as good.
    """
    if isinstance(layer, layers.Conv3D) and _is_plain(layer):
        return _convolution(layer)
    if isinstance(layer, layers.LeakyReLU) and may_overwrite:
        return _leaky_relu(layer.negative_slope)
    if isinstance(layer, layers.ReLU) and may_overwrite and _is_plain_relu(layer):
        return _relu
    return None


def gives_own_tensor(layer: Any) -> bool:
    """Whether the result of a layer is never its input nor a view of it, so that it may be overwritten."""
    return isinstance(layer, layers.Conv3D | layers.Add | layers.Concatenate | InstanceNormalization)


def returns_its_input(layer: Any) -> bool:
    """Whether a layer does nothing in inference."""
    return isinstance(layer, layers.Dropout | layers.SpatialDropout3D)


def _is_plain(layer: Any) -> bool:
    """Whether padding is the same on both sides, and nothing but a bias follows."""
    same = layer.padding == "same" and set(layer.strides) == {1} and all(size % 2 for size in layer.kernel_size)
    return (
        (same or layer.padding == "valid")
        and layer.data_format == CHANNELS_FIRST
        and layer.groups == 1
        and layer.activation is keras.activations.linear
        and not getattr(layer, "quantization_mode", None)
        and not getattr(layer, "lora_enabled", False)
    )


def _is_plain_relu(layer: Any) -> bool:
    return layer.max_value is None and not layer.negative_slope and not layer.threshold


def _convolution(layer: Any) -> Operation:
    import torch

    padding = tuple(
        dilation * (size - 1) // 2 if layer.padding == "same" else 0
        for size, dilation in zip(layer.kernel_size, layer.dilation_rate, strict=True)
    )
    dtype = getattr(torch, layer.compute_dtype)

    def convolve(x: Any) -> Any:
        kernel = layer.kernel.value.permute(4, 3, 0, 1, 2).to(dtype)
        bias = layer.bias.value.to(dtype) if layer.use_bias else None
        return torch.nn.functional.conv3d(x.to(dtype), kernel, bias, layer.strides, padding, layer.dilation_rate)

    return convolve


def _leaky_relu(slope: float) -> Operation:
    import torch

    def activate(x: Any) -> Any:
        return torch.nn.functional.leaky_relu(x, slope, inplace=True)

    return activate


def _relu(x: Any) -> Any:
    return x.relu_()
