"""The SpatialConfiguration-Net of EfficientSCN written straight in PyTorch and in TensorFlow.

Weights come by the layers of the Keras model, kernels as (z, y, x, in, out). A network goes from an image (z, y, x)
to scores (labels, z, y, x).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

LEVELS, SPATIAL_LEVELS, LABELS, REDUCTION = 5, 4, 5, 4

Weights = Mapping[str, np.ndarray]
Run = Callable[[np.ndarray], np.ndarray]


def torch_network(weights: Weights) -> Run:
    """In PyTorch: eager, channels first."""
    import torch
    from torch.nn import functional

    def parameters(layer: str) -> tuple[Any, Any]:
        kernel = torch.from_numpy(weights[f"{layer}/kernel"].transpose(4, 3, 0, 1, 2).copy())
        return kernel, torch.from_numpy(weights[f"{layer}/bias"])

    def unet(levels: int, prefix: str) -> Callable[[Any], Any]:
        down, up = (
            [[parameters(f"{prefix}{path}{level}_conv{index}") for index in range(2)] for level in range(levels)]
            for path in ("contracting", "expanding")
        )
        prediction = parameters(f"{prefix}prediction")

        def block(x: Any, convolutions: list[tuple[Any, Any]]) -> Any:
            for kernel, bias in convolutions:
                x = functional.leaky_relu(functional.conv3d(x, kernel, bias, padding=1), 0.1, inplace=True)
            return x

        def run(x: Any) -> Any:
            skips = []
            for level in range(levels):
                x = block(functional.avg_pool3d(x, 2) if level else x, down[level])
                skips.append(x)
            x = block(x, up[-1])
            for level in reversed(range(levels - 1)):
                x = functional.interpolate(x, scale_factor=2.0, mode="trilinear", align_corners=False)
                x = block(torch.cat([skips[level], x], 1), up[level])
                skips[level] = None
            return functional.conv3d(x, *prediction)

        return run

    def enlarged(x: Any) -> Any:
        for axis in (2, 3, 4):
            margins = [0] * 6
            margins[2 * (4 - axis)] = margins[2 * (4 - axis) + 1] = 2
            padded, count = functional.pad(x, margins, mode="replicate"), x.shape[axis]
            phases = [
                sum(float(weight) * padded.narrow(axis, tap, count) for tap, weight in enumerate(row))
                for row in _cubic_weights()
            ]
            x = torch.stack(phases, axis + 1).flatten(axis, axis + 1)
        return x

    local_net = unet(LEVELS, "local_")
    spatial_nets = [unet(SPATIAL_LEVELS, f"spatial_label{label}_") for label in range(LABELS)]

    def run(image: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            x = torch.from_numpy(image)[None, None]
            local = local_net(x)
            likely = functional.avg_pool3d(torch.sigmoid(local), REDUCTION)
            coarse = functional.avg_pool3d(x, REDUCTION)
            seen = [
                torch.cat([coarse, *(likely[:, other : other + 1] for other in range(1, LABELS) if other != label)], 1)
                for label in range(LABELS)
            ]
            spatial = enlarged(torch.cat([net(part) for net, part in zip(spatial_nets, seen, strict=True)], 1))
            region = torch.sigmoid(spatial)
            unsure = (functional.softplus(spatial) - spatial * region) / math.log(2)
            merged = unsure * torch.sigmoid(local) + (1 - unsure) * region
            return (merged / (merged.sum(1, keepdim=True) + 1e-8))[0].numpy()

    return run


def tensorflow_network(weights: Weights) -> Run:
    """In TensorFlow: one traced graph, channels last."""
    import tensorflow as tf

    def convolved(x: Any, layer: str) -> Any:
        return tf.nn.bias_add(tf.nn.conv3d(x, weights[f"{layer}/kernel"], [1] * 5, "SAME"), weights[f"{layer}/bias"])

    def pooled(x: Any, size: int) -> Any:
        return tf.nn.avg_pool3d(x, size, size, "VALID")

    def interpolated(x: Any, taps: np.ndarray, axis: int) -> Any:
        radius = taps.shape[1] // 2
        first, last = tf.gather(x, [0], axis=axis), tf.gather(x, [x.shape[axis] - 1], axis=axis)
        padded = tf.concat([first] * radius + [x] + [last] * radius, axis)
        phases = []
        for row in taps:
            terms = []
            for tap, weight in enumerate(row):
                if weight:
                    begin, size = [0] * 5, [-1] * 5
                    begin[axis], size[axis] = tap, x.shape[axis]
                    terms.append(float(weight) * tf.slice(padded, begin, size))
            phases.append(tf.add_n(terms))
        shape = list(x.shape)
        shape[axis] *= len(taps)
        return tf.reshape(tf.stack(phases, axis + 1), shape)

    def block(x: Any, name: str) -> Any:
        for index in range(2):
            x = tf.nn.leaky_relu(convolved(x, f"{name}_conv{index}"), 0.1)
        return x

    def unet(x: Any, levels: int, prefix: str) -> Any:
        skips = []
        for level in range(levels):
            x = block(pooled(x, 2) if level else x, f"{prefix}contracting{level}")
            skips.append(x)
        x = block(x, f"{prefix}expanding{levels - 1}")
        for level in reversed(range(levels - 1)):
            for axis in (1, 2, 3):
                x = interpolated(x, _LINEAR_WEIGHTS, axis)
            x = block(tf.concat([skips[level], x], -1), f"{prefix}expanding{level}")
        return convolved(x, f"{prefix}prediction")

    @tf.function
    def network(x: Any) -> Any:
        local = unet(x, LEVELS, "local_")
        likely, coarse = pooled(tf.sigmoid(local), REDUCTION), pooled(x, REDUCTION)
        seen = [
            tf.concat([coarse, *(likely[..., other : other + 1] for other in range(1, LABELS) if other != label)], -1)
            for label in range(LABELS)
        ]
        parts = [unet(part, SPATIAL_LEVELS, f"spatial_label{label}_") for label, part in enumerate(seen)]
        spatial = tf.concat(parts, -1)
        for axis in (1, 2, 3):
            spatial = interpolated(spatial, _cubic_weights(), axis)
        region = tf.sigmoid(spatial)
        unsure = (tf.math.softplus(spatial) - spatial * region) / math.log(2)
        merged = unsure * tf.sigmoid(local) + (1 - unsure) * region
        return merged / (tf.reduce_sum(merged, -1, keepdims=True) + 1e-8)

    def run(image: np.ndarray) -> np.ndarray:
        return np.moveaxis(network(tf.constant(image[None, ..., None])).numpy()[0], -1, 0)

    return run


_LINEAR_WEIGHTS = np.array([[0.25, 0.75, 0.0], [0.0, 0.75, 0.25]])


def _cubic_weights() -> np.ndarray:
    """Keys' cubic convolution (a = -0.5) to four times the size, half-pixel centres: (phases, taps)."""
    centres = (np.arange(REDUCTION) + 0.5) / REDUCTION - 0.5
    distance = np.abs(centres[:, None] - np.arange(-2, 3)[None, :])
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
