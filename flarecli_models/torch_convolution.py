"""Convolutions of volumes in PyTorch for training on a CPU: their results, and the gradients of inputs and kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from math import prod
from typing import Any

import keras
from keras import layers

from flarecli_models.data_format import CHANNELS_FIRST
from flarecli_models.torch_operations import symmetric_margins

_PATCH_VALUES = 2**18
"""Values that are unfolded at a time for the gradient of a kernel, a megabyte: what stays in a processor's cache.

Twice or half as many take the same time (PyTorch 2.13, AVX2)."""


def quicken_convolutions(model: keras.Model) -> None:
    """Have the 3-D convolutions of a model computed on a CPU with channels next to each other in memory.

    Axes, weights and results stay as they are, but for rounding. In float32, updates take 1.2 to 1.7 times as long
    with PyTorch's own, above all for the gradients of kernels (EfficientSegNet's coarse network alone gains nothing).
    Tensors on a GPU or in less than float32 are computed as before, and so are convolutions with strides or groups.
    Slices are, too: there PyTorch's own are the faster ones.

    Args:
        model: A functional model in channels first, on the backend PyTorch.
    """
    import torch

    if not torch.backends.mkldnn.is_available():
        return
    for layer in model.layers:
        if isinstance(layer, layers.Conv3D) and _moves_by_voxels(layer):
            margins = symmetric_margins(layer)
            if margins is not None:
                layer.convolution_op = _convolution_of(layer, margins)


def _moves_by_voxels(layer: Any) -> bool:
    return layer.data_format == CHANNELS_FIRST and layer.groups == 1 and set(layer.strides) == {1}


def _convolution_of(layer: Any, margins: Sequence[int]) -> Any:
    import torch

    own = layer.convolution_op

    def convolve(inputs: Any, kernel: Any) -> Any:
        values = kernel.value if isinstance(kernel, keras.Variable) else kernel
        if inputs.device.type != "cpu" or inputs.dtype != torch.float32 or values.dtype != torch.float32:
            return own(inputs, kernel)
        return _convolution().apply(inputs, values.permute(4, 3, 0, 1, 2), margins, layer.dilation_rate)

    return convolve


@cache
def _convolution() -> Any:
    """The convolution with gradients of its own; PyTorch is imported when it is made, not before."""
    import torch

    class Convolution(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, kernel: Any, margins: Sequence[int], dilation: Sequence[int]) -> Any:
            x = x.contiguous(memory_format=torch.channels_last_3d)
            ctx.save_for_backward(x, kernel)
            ctx.margins, ctx.dilation = margins, dilation
            return _convolved(x, kernel, margins, dilation)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> tuple[Any, Any, None, None]:
            x, kernel = ctx.saved_tensors
            gradient = gradient.contiguous(memory_format=torch.channels_last_3d)
            of_x = of_kernel = None
            if ctx.needs_input_grad[0]:
                # Each input reached the outputs around it: a convolution with the kernel the other way round.
                turned = kernel.flip(2, 3, 4).transpose(0, 1)
                reach = zip(ctx.margins, ctx.dilation, kernel.shape[2:], strict=True)
                margins = tuple(step * (size - 1) - margin for margin, step, size in reach)
                of_x = _convolved(gradient, turned, margins, ctx.dilation)
            if ctx.needs_input_grad[1]:
                of_kernel = _kernel_gradient(x, gradient, kernel.shape, ctx.margins, ctx.dilation)
            return of_x, of_kernel, None, None

    return Convolution


def _convolved(x: Any, kernel: Any, margins: Sequence[int], dilation: Sequence[int]) -> Any:
    import torch

    # PyTorch's choice for small volumes on one thread is a loop that takes six times as long.
    return torch.mkldnn_convolution(x, kernel.contiguous(), None, margins, (1, 1, 1), dilation, 1)


def _kernel_gradient(
    x: Any, gradient: Any, shape: Sequence[int], margins: Sequence[int], dilation: Sequence[int]
) -> Any:
    """Gradient of a kernel: products of patches of the input with the gradients of the outputs they lead to.

    Args:
        x: Input, (batch, channels, z, y, x), channels innermost.
        gradient: Of the output, likewise.
        shape: Of the kernel, (channels out, channels in, z, y, x).
        margins: Zeros around the input.
        dilation: Steps of the kernel.
    """
    import torch

    channels_out, channels, *size = shape
    padding = [margin for margin in reversed(margins) for _ in range(2)]
    padded = torch.nn.functional.pad(x.movedim(1, -1), (0, 0, *padding)) if any(margins) else x.movedim(1, -1)
    outputs = gradient.movedim(1, -1)
    strides = padded.stride()
    patches = padded.as_strided(
        (*outputs.shape[:-1], *size, channels),
        (*strides[:-1], *(step * stride for step, stride in zip(dilation, strides[1:-1], strict=True)), strides[-1]),
    )
    values = prod(size) * channels
    total = x.new_zeros(values, channels_out)
    for block in _blocks(outputs.shape[:-1], _PATCH_VALUES // values):
        total.addmm_(patches[block].reshape(-1, values).t(), outputs[block].reshape(-1, channels_out))
    return total.view(*size, channels, channels_out).permute(4, 3, 0, 1, 2)


def _blocks(shape: Sequence[int], positions: int) -> Iterator[tuple[slice, ...]]:
    """Blocks of about so many positions, whole along as many of the last axes as fit."""
    whole = len(shape)
    while whole > 1 and prod(shape[whole - 1 :]) <= positions:
        whole -= 1
    inner = prod(shape[whole:])
    step = max(1, positions // inner)
    for outer in product(*map(range, shape[: whole - 1])):
        for first in range(0, shape[whole - 1], step):
            yield (*(slice(index, index + 1) for index in outer), slice(first, first + step))
