"""Instance normalisation in PyTorch of tensors whose channels lie next to each other in memory, without copies."""

from __future__ import annotations

from functools import cache
from typing import Any

_VOXELS_AT_A_TIME = 2**13
"""Voxels whose deviations from the mean are squared at a time: few enough for a processor's cache."""


def instance_normalised(x: Any, epsilon: float) -> Any:
    """Give every channel of every sample mean 0 and variance 1, as PyTorch's `instance_norm` does.

    That copies a tensor on a CPU whose channels are innermost in memory, there and back, and PyTorch's batch
    normalisation, which does not, sums the voxels of such a tensor in float32 one by one: wrong in the third digit.
    Here the sums have stages, and the order in memory stays.

    Args:
        x: (batch, channels, z, y, x).
        epsilon: Keeps the quotient finite.
    """
    import torch

    innermost = x.ndim == 5 and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last_3d)
    if innermost and x.device.type == "cpu" and x.dtype == torch.float32:
        return _normalization().apply(x, epsilon)
    return torch.nn.functional.instance_norm(x, eps=epsilon)


@cache
def _normalization() -> Any:
    """The function with a gradient of its own; PyTorch is imported when it is made, not before."""
    import torch

    class Normalization(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, epsilon: float) -> Any:
            means, variances = _moments(x)
            ctx.save_for_backward(x, means, (variances + epsilon).rsqrt())
            ctx.epsilon = epsilon
            samples = zip(x.split(1), means, variances, strict=True)
            return _joined([torch.nn.functional.batch_norm(*sample, eps=epsilon) for sample in samples])

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> tuple[Any, None]:
            x, means, scales = ctx.saved_tensors
            gradient = gradient.contiguous(memory_format=torch.channels_last_3d)
            samples = zip(gradient.split(1), x.split(1), means, scales, strict=True)
            return _joined([_sample_gradient(*sample, ctx.epsilon) for sample in samples]), None

    return Normalization


def _moments(x: Any) -> tuple[Any, Any]:
    """Mean and biased variance of each sample's channels, (batch, channels) each."""
    import torch

    voxels = x.movedim(1, -1).flatten(1, -2)
    means = voxels.mean(1, keepdim=True)
    squares = torch.zeros_like(means[:, 0])
    for some in voxels.split(_VOXELS_AT_A_TIME, 1):
        deviations = some - means
        squares += torch.linalg.vecdot(deviations, deviations, dim=1)
    return means[:, 0], squares / voxels.shape[1]


def _sample_gradient(gradient: Any, x: Any, mean: Any, scale: Any, epsilon: float) -> Any:
    import torch

    of_x, _, _ = torch.ops.aten.native_batch_norm_backward(
        gradient, x, None, None, None, mean, scale, True, epsilon, [True, False, False]
    )
    return of_x


def _joined(samples: list[Any]) -> Any:
    import torch

    return samples[0] if len(samples) == 1 else torch.cat(samples)
