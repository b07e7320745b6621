"""Gaussian filters and smooth random fields on a device, with PyTorch; each sample may have a width of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.phantom.acquisition import LEAST_BLUR

if TYPE_CHECKING:
    import torch

_TRUNCATE = 3.0
"""Standard deviations that a kernel reaches."""

_FEW_TAPS_SIGMA = 1.5
"""Wider fields are made on a coarser lattice, so that their kernels stay short."""


def per_sample(values: Sequence[float], device: Any) -> torch.Tensor:
    """A number for each sample, float32, to go with (samples, z, y, x)."""
    import torch

    return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None, None]


def blurred(volumes: torch.Tensor, sigma_voxels: np.ndarray) -> torch.Tensor:
    """Gaussian blur along z, y and x; edges are continued.

    Args:
        volumes: Float32, (samples, z, y, x).
        sigma_voxels: Standard deviations, (samples, 3).
    """
    for axis in range(3):
        kernels = _kernels(sigma_voxels[:, axis])
        if kernels.shape[1] > 1:
            volumes = _filtered(_continued(volumes, axis + 1, kernels.shape[1] // 2), axis + 1, kernels)
    return volumes


def smooth_field(
    shape: tuple[int, int, int, int], sigma_voxels: tuple[float, float, float], generator: torch.Generator
) -> torch.Tensor:
    """Random smooth fields of zero mean and unit standard deviation, float32, (samples, z, y, x)."""
    import torch

    strides = [max(1, int(sigma / _FEW_TAPS_SIGMA)) for sigma in sigma_voxels]
    kernels = [_kernels(np.array([sigma / stride])) for sigma, stride in zip(sigma_voxels, strides, strict=True)]
    # Two points more than needed, so that the edges of the interpolation, which are flat, can be left out.
    sizes = [-(-size // stride) + (2 if stride > 1 else 0) for size, stride in zip(shape[1:], strides, strict=True)]
    padded = [size + kernel.shape[1] - 1 for size, kernel in zip(sizes, kernels, strict=True)]
    field = torch.randn((shape[0], *padded), generator=generator, device=generator.device)
    for axis, kernel in enumerate(kernels):
        field = _filtered(field, axis + 1, kernel)
        field = field / float(np.sqrt(np.square(kernel).sum()))
    if max(strides) > 1:
        fine = [size * stride for size, stride in zip(sizes, strides, strict=True)]
        field = torch.nn.functional.interpolate(field[:, None], size=fine, mode="trilinear")[:, 0]
        field = field / field.std(dim=(1, 2, 3), keepdim=True)
    z, y, x = (stride // 2 if stride > 1 else 0 for stride in strides)
    return field[:, z : z + shape[1], y : y + shape[2], x : x + shape[3]]


def grainy_noise(
    shape: tuple[int, int, int, int], sigma_voxels: np.ndarray, generator: torch.Generator
) -> torch.Tensor:
    """Noise of unit standard deviation that is correlated along y and x, float32, (samples, z, y, x).

    Args:
        shape: Of the result.
        sigma_voxels: Standard deviations of the Gaussian that correlates it, (samples, 2).
        generator: Random numbers, on the device.
    """
    import torch

    kernels = [_kernels(sigma_voxels[:, axis]) for axis in range(2)]
    sizes = (*shape[:2], *(n + kernel.shape[1] - 1 for n, kernel in zip(shape[2:], kernels, strict=True)))
    noise = torch.randn(sizes, generator=generator, device=generator.device)
    for axis, kernel in enumerate(kernels):
        noise = _filtered(noise, axis + 2, kernel / np.sqrt(np.square(kernel).sum(axis=1, keepdims=True)))
    return noise


def _kernels(sigma_voxels: np.ndarray) -> np.ndarray:
    """Gaussian kernels of a common odd length that sum to 1, float32, (samples, taps)."""
    wide = np.where(sigma_voxels > LEAST_BLUR, sigma_voxels, 0.0)
    radius = math.ceil(_TRUNCATE * float(wide.max()) - 0.5)
    steps = np.arange(-radius, radius + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        kernels = np.exp(-0.5 * np.square(steps / wide[:, None]))
    kernels[:, radius] = 1.0
    kernels /= kernels.sum(axis=1, keepdims=True)
    return kernels.astype(np.float32)


def _continued(volumes: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    import torch

    ends = [count if other == axis else 0 for other in (3, 2, 1) for _ in range(2)]
    return torch.nn.functional.pad(volumes[:, None], ends, mode="replicate")[:, 0]


def _filtered(padded: torch.Tensor, axis: int, kernels: np.ndarray) -> torch.Tensor:
    """Correlation along an axis, shorter by the taps but one; one kernel for all samples, or one each."""
    import torch

    taps = kernels.shape[1]
    size = padded.shape[axis] - taps + 1
    if len(kernels) == 1:
        result = padded.narrow(axis, 0, size) * float(kernels[0, 0])
        for tap in range(1, taps):
            result.add_(padded.narrow(axis, tap, size), alpha=float(kernels[0, tap]))
        return result
    weights = torch.as_tensor(kernels, device=padded.device)[:, :, None, None, None]
    result = padded.narrow(axis, 0, size) * weights[:, 0]
    for tap in range(1, taps):
        result.addcmul_(padded.narrow(axis, tap, size), weights[:, tap])
    return result
