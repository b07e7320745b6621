"""EfficientSegNet in numpy, written from the description of paper and code: slow, float64, one clear way to do it.

Volumes are (channels, z, y, x); kernels are found as `layer/kernel` (kz, ky, kx, in, out). It shares nothing with the
software under test, so that parity can be tested without reference data.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Weights = Mapping[str, np.ndarray]

EPSILON = 1e-5


def coarse_unet(image: np.ndarray, weights: Weights, levels: int) -> np.ndarray:
    """Logits (labels, z, y, x) of an image (1, z, y, x)."""
    x, skips = image, []
    for level in range(levels):
        x = encoder_level(x if level == 0 else max_pooled(x), weights, level, stride=1)
        skips.append(x)
    for level in range(levels - 2, -1, -1):
        upsampled = resized(x, skips[level].shape[1:])
        x = residual(np.concatenate([skips[level], upsampled]), weights, f"decoder{level}_block0")
    return convolution(x, weights, "prediction")


def efficientsegnet(image: np.ndarray, weights: Weights, levels: int) -> np.ndarray:
    """Logits (labels, z, y, x) of an image (1, z, y, x)."""
    x, skips = image, []
    for level in range(levels):
        x = encoder_level(x, weights, level, stride=2 if level else 1)
        skips.append(x)
    x = context(x, weights)
    for level in range(levels - 2, -1, -1):
        x = resized(activated(x, weights, f"reduction{level}"), skips[level].shape[1:])
        x = residual(x + skips[level], weights, f"decoder{level}_block0")
    return convolution(x, weights, "prediction")


def encoder_level(x: np.ndarray, weights: Weights, level: int, stride: int) -> np.ndarray:
    """Two residual blocks, the first with a convolution in its shortcut."""
    x = residual(x, weights, f"encoder{level}_block0", stride)
    return residual(x, weights, f"encoder{level}_block1")


def residual(x: np.ndarray, weights: Weights, name: str, stride: int = 1) -> np.ndarray:
    """Two convolutions and a shortcut, which has a convolution where there are weights for it."""
    y = activated(x, weights, f"{name}_conv0", stride)
    y = normalised(convolution(y, weights, f"{name}_conv1"))
    if f"{name}_shortcut/kernel" in weights:
        x = normalised(convolution(x, weights, f"{name}_shortcut", stride))
    return np.maximum(y + x, 0)


def context(x: np.ndarray, weights: Weights) -> np.ndarray:
    """Pyramid and strip pooling of the deepest features, whose size is the strips' length."""
    _, z, y, width = x.shape
    reduced = activated(x, weights, "context_entry")
    features = activated(reduced, weights, "context_pyramid_entry")
    scales = normalised(convolution(features, weights, "context_pyramid_full"))
    for size in (2, 4):
        scales = scales + branch(features, weights, f"context_pyramid_pool{size}", (size, size, size))
    scales_seen = activated(np.maximum(scales, 0), weights, "context_pyramid_exit")

    features = activated(reduced, weights, "context_strip_entry")
    strips = {"z": (1, y, width), "y": (z, 1, width), "x": (z, y, 1)}
    profiles = sum(branch(features, weights, f"context_strip_{axis}", pool) for axis, pool in strips.items())
    profiles_seen = activated(np.maximum(profiles, 0), weights, "context_strip_exit")

    merged = normalised(convolution(np.concatenate([scales_seen, profiles_seen]), weights, "context_merge"))
    merged = np.maximum(reduced + merged, 0)
    return convolution(activated(merged, weights, "context_exit"), weights, "context_output")


def branch(x: np.ndarray, weights: Weights, name: str, pool: tuple[int, int, int]) -> np.ndarray:
    """Cells averaged, convolved, normalised and resized to where they came from."""
    cells = normalised(convolution(average_pooled(x, pool), weights, name))
    return resized(cells, x.shape[1:])


def activated(x: np.ndarray, weights: Weights, name: str, stride: int = 1) -> np.ndarray:
    """Convolution, normalisation, ReLU."""
    return np.maximum(normalised(convolution(x, weights, name, stride)), 0)


def convolution(x: np.ndarray, weights: Weights, name: str, stride: int = 1) -> np.ndarray:
    """Convolution without bias, padded by half the kernel on both sides."""
    kernel = weights[f"{name}/kernel"].astype(np.float64)
    padded = np.pad(x, [(0, 0), *((size // 2, size // 2) for size in kernel.shape[:3])])
    _, depth, height, width = x.shape
    total = np.zeros((kernel.shape[-1], depth, height, width))
    for z, y, col in np.ndindex(kernel.shape[:3]):
        window = padded[:, z : z + depth, y : y + height, col : col + width]
        total += np.einsum("io,izyx->ozyx", kernel[z, y, col], window)
    return total[:, ::stride, ::stride, ::stride]


def normalised(x: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1 in every channel."""
    mean, variance = x.mean(axis=(1, 2, 3), keepdims=True), x.var(axis=(1, 2, 3), keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON)


def max_pooled(x: np.ndarray) -> np.ndarray:
    """Maxima of 3x3x3 voxels around every second one."""
    padded = np.pad(x, [(0, 0)] + [(1, 1)] * 3, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3, 3), axis=(1, 2, 3))
    return windows.max(axis=(4, 5, 6))[:, ::2, ::2, ::2]


def average_pooled(x: np.ndarray, pool: tuple[int, int, int]) -> np.ndarray:
    """Means over cells; what is left over at the ends is dropped."""
    channels = x.shape[0]
    counts = [size // cell for size, cell in zip(x.shape[1:], pool, strict=True)]
    kept = x[:, : counts[0] * pool[0], : counts[1] * pool[1], : counts[2] * pool[2]]
    cells = kept.reshape(channels, counts[0], pool[0], counts[1], pool[1], counts[2], pool[2])
    return cells.mean(axis=(2, 4, 6))


def resized(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Linear interpolation between the outermost voxel centres."""
    for axis, size in enumerate(shape, start=1):
        positions = np.linspace(0, x.shape[axis] - 1, size) if size > 1 else np.zeros(1)
        lower = np.floor(positions).astype(int)
        upper = np.minimum(lower + 1, x.shape[axis] - 1)
        weight = (positions - lower).reshape([-1 if other == axis else 1 for other in range(4)])
        x = x.take(lower, axis) * (1 - weight) + x.take(upper, axis) * weight
    return x
