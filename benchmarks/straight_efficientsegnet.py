"""The two networks of EfficientSegNet written straight in PyTorch and in TensorFlow.

Both networks are written once, in terms of a framework's operations (`Operations`). Weights come by the layers of the
Keras model, kernels as (z, y, x, in, out). A network goes from an image (z, y, x) to logits (labels, z, y, x).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np

LEVELS, EPSILON = 5, 1e-5

Weights = Mapping[str, np.ndarray]
Run = Callable[[np.ndarray], np.ndarray]


class Operations(Protocol):
    """What the networks need of a framework. Activations may overwrite what they are given."""

    def convolved(self, x: Any, layer: str, strides: int = 1) -> Any: ...

    def normalized(self, x: Any) -> Any: ...

    def relu(self, x: Any) -> Any: ...

    def added(self, x: Any, y: Any) -> Any: ...

    def joined(self, x: Any, y: Any) -> Any: ...

    def max_pooled(self, x: Any) -> Any: ...

    def average_pooled(self, x: Any, sizes: tuple[int, ...]) -> Any: ...

    def resized(self, x: Any, shape_zyx: tuple[int, ...]) -> Any: ...

    def shape_zyx(self, x: Any) -> tuple[int, ...]: ...

    def has(self, layer: str) -> bool: ...


def coarse(do: Operations, x: Any) -> Any:
    """The residual U-Net."""
    skips: list[Any] = []
    for level in range(LEVELS):
        x = _residual(do, do.max_pooled(x) if level else x, f"encoder{level}_block0")
        x = _residual(do, x, f"encoder{level}_block1")
        skips.append(x)
    skips.pop()
    for level in reversed(range(LEVELS - 1)):
        shape_zyx = do.shape_zyx(skips[level])
        x = do.joined(skips.pop(), do.resized(x, shape_zyx))
        x = _residual(do, x, f"decoder{level}_block0")
    return do.convolved(x, "prediction")


def fine(do: Operations, x: Any) -> Any:
    """The context-aware network."""
    skips: list[Any] = []
    for level in range(LEVELS):
        x = _residual(do, x, f"encoder{level}_block0", strides=2 if level else 1)
        x = _residual(do, x, f"encoder{level}_block1")
        skips.append(x)
    skips.pop()
    x = _context(do, x)
    for level in reversed(range(LEVELS - 1)):
        x = do.resized(_activated(do, x, f"reduction{level}"), do.shape_zyx(skips[level]))
        x = do.added(x, skips.pop())
        x = _residual(do, x, f"decoder{level}_block0")
    return do.convolved(x, "prediction")


def _activated(do: Operations, x: Any, layer: str, strides: int = 1) -> Any:
    return do.relu(do.normalized(do.convolved(x, layer, strides)))


def _residual(do: Operations, x: Any, name: str, strides: int = 1) -> Any:
    y = _activated(do, x, f"{name}_conv0", strides)
    y = do.normalized(do.convolved(y, f"{name}_conv1"))
    if do.has(f"{name}_shortcut"):
        x = do.normalized(do.convolved(x, f"{name}_shortcut", strides))
    return do.relu(do.added(y, x))


def _context(do: Operations, x: Any) -> Any:
    shape_zyx = do.shape_zyx(x)
    z, y, width = shape_zyx

    def pooled(features: Any, sizes: tuple[int, ...], layer: str) -> Any:
        return do.resized(do.normalized(do.convolved(do.average_pooled(features, sizes), layer)), shape_zyx)

    def arm(branches: list[Any], layer: str) -> Any:
        first, second, third = branches
        return _activated(do, do.relu(do.added(do.added(first, second), third)), layer)

    reduced = _activated(do, x, "context_entry")
    features = _activated(do, reduced, "context_pyramid_entry")
    full = do.normalized(do.convolved(features, "context_pyramid_full"))
    scales = [pooled(features, (size,) * 3, f"context_pyramid_pool{size}") for size in (2, 4)]
    scales_seen = arm([full, *scales], "context_pyramid_exit")
    features = _activated(do, reduced, "context_strip_entry")
    pools = {"z": (1, y, width), "y": (z, 1, width), "x": (z, y, 1)}
    profiles = [pooled(features, sizes, f"context_strip_{axis}") for axis, sizes in pools.items()]
    profiles_seen = arm(profiles, "context_strip_exit")
    merged = do.normalized(do.convolved(do.joined(scales_seen, profiles_seen), "context_merge"))
    merged = do.relu(do.added(merged, reduced))
    return do.convolved(_activated(do, merged, "context_exit"), "context_output")


class _Torch:
    """PyTorch: eager, channels first."""

    def __init__(self, weights: Weights) -> None:
        import torch

        self.torch, self.functional = torch, torch.nn.functional
        self.kernels = {
            key.removesuffix("/kernel"): torch.from_numpy(kernel.transpose(4, 3, 0, 1, 2).copy())
            for key, kernel in weights.items()
        }

    def convolved(self, x: Any, layer: str, strides: int = 1) -> Any:
        kernel = self.kernels[layer]
        margins = [size // 2 for size in kernel.shape[2:]]
        return self.functional.conv3d(x, kernel, None, strides, margins)

    def normalized(self, x: Any) -> Any:
        return self.functional.instance_norm(x, eps=EPSILON)

    def relu(self, x: Any) -> Any:
        return x.relu_()

    def added(self, x: Any, y: Any) -> Any:
        return x.add_(y)

    def joined(self, x: Any, y: Any) -> Any:
        return self.torch.cat([x, y], 1)

    def max_pooled(self, x: Any) -> Any:
        return self.functional.max_pool3d(x, 3, 2, 1)

    def average_pooled(self, x: Any, sizes: tuple[int, ...]) -> Any:
        return self.functional.avg_pool3d(x, sizes)

    def resized(self, x: Any, shape_zyx: tuple[int, ...]) -> Any:
        return self.functional.interpolate(x, shape_zyx, mode="trilinear", align_corners=True)

    def shape_zyx(self, x: Any) -> tuple[int, ...]:
        return tuple(x.shape[2:])

    def has(self, layer: str) -> bool:
        return layer in self.kernels

    def run(self, network: Callable[[Operations, Any], Any], image: np.ndarray) -> np.ndarray:
        with self.torch.inference_mode():
            return network(self, self.torch.from_numpy(image)[None, None])[0].numpy()


class _TensorFlow:
    """TensorFlow: one traced graph, channels last."""

    def __init__(self, weights: Weights) -> None:
        import tensorflow

        self.tf = tensorflow
        self.kernels = {key.removesuffix("/kernel"): tensorflow.constant(kernel) for key, kernel in weights.items()}
        self.graph: Any = None

    def convolved(self, x: Any, layer: str, strides: int = 1) -> Any:
        kernel = self.kernels[layer]
        padding = "SAME"
        if strides > 1:
            # "SAME" pads even sizes on one side only.
            margins = [[size // 2] * 2 for size in kernel.shape[:3]]
            x, padding = self.tf.pad(x, [[0, 0], *margins, [0, 0]]), "VALID"
        return self.tf.nn.conv3d(x, kernel, [1, strides, strides, strides, 1], padding)

    def normalized(self, x: Any) -> Any:
        mean, variance = self.tf.nn.moments(x, [1, 2, 3], keepdims=True)
        return self.tf.nn.batch_normalization(x, mean, variance, None, None, EPSILON)

    def relu(self, x: Any) -> Any:
        return self.tf.nn.relu(x)

    def added(self, x: Any, y: Any) -> Any:
        return x + y

    def joined(self, x: Any, y: Any) -> Any:
        return self.tf.concat([x, y], -1)

    def max_pooled(self, x: Any) -> Any:
        # Of what a ReLU gives: zeros do for the -inf of the original's padding.
        return self.tf.nn.max_pool3d(self.tf.pad(x, [[0, 0], *([[1, 1]] * 3), [0, 0]]), 3, 2, "VALID")

    def average_pooled(self, x: Any, sizes: tuple[int, ...]) -> Any:
        return self.tf.nn.avg_pool3d(x, sizes, sizes, "VALID")

    def resized(self, x: Any, shape_zyx: tuple[int, ...]) -> Any:
        for axis, size in enumerate(shape_zyx, start=1):
            x = self._resized_axis(x, axis, size)
        return x

    def _resized_axis(self, x: Any, axis: int, size: int) -> Any:
        entering = x.shape[axis]
        if entering == size:
            return x
        if entering == 1:
            return self.tf.repeat(x, size, axis)
        positions = np.arange(size) * ((entering - 1) / (size - 1))
        lower = np.minimum(positions.astype(int), entering - 2)
        share = np.reshape(positions - lower, [-1 if other == axis else 1 for other in range(5)]).astype(np.float32)
        below, above = (self.tf.gather(x, index, axis=axis) for index in (lower, lower + 1))
        return below + share * (above - below)

    def shape_zyx(self, x: Any) -> tuple[int, ...]:
        return tuple(x.shape[1:4])

    def has(self, layer: str) -> bool:
        return layer in self.kernels

    def run(self, network: Callable[[Operations, Any], Any], image: np.ndarray) -> np.ndarray:
        if self.graph is None:
            self.graph = self.tf.function(partial(network, self))
        return np.moveaxis(self.graph(self.tf.constant(image[None, ..., None])).numpy()[0], -1, 0)


def torch_coarse(weights: Weights) -> Run:
    """`coarse` in PyTorch."""
    return partial(_Torch(weights).run, coarse)


def torch_fine(weights: Weights) -> Run:
    """`fine` in PyTorch."""
    return partial(_Torch(weights).run, fine)


def tensorflow_coarse(weights: Weights) -> Run:
    """`coarse` in TensorFlow."""
    return partial(_TensorFlow(weights).run, coarse)


def tensorflow_fine(weights: Weights) -> Run:
    """`fine` in TensorFlow."""
    return partial(_TensorFlow(weights).run, fine)
