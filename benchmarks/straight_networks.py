"""The SpatialConfiguration-Net of EfficientSCN written straight in PyTorch and in TensorFlow, against the Keras model.

    python benchmarks/straight_networks.py torch|tensorflow [--size 96x96x96] [--repeats 3]

Each network runs in a process of its own, in turn with the other; printed are processor seconds and wall seconds (the
least of the repeats after the first call) and the rise of peak memory, as JSON, with the ratios Keras / straight.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FILTERS, LEVELS, SPATIAL_FILTERS, SPATIAL_LEVELS, LABELS, REDUCTION = 32, 5, 16, 4, 5, 4


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backend", choices=("torch", "tensorflow"))
    parser.add_argument("--size", default="96x96x96")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=("keras", "straight"), help="Measure one in this process.")
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(_measured(arguments)))
        return
    figures = {
        way: json.loads(
            subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--only", way], check=True, stdout=subprocess.PIPE
            ).stdout
        )
        for way in ("straight", "keras")
    }
    ratios = {key: round(value / figures["straight"][key], 2) for key, value in figures["keras"].items()}
    print(json.dumps({**figures, "keras / straight": ratios}, indent=2))


def _measured(arguments: argparse.Namespace) -> dict[str, float]:
    shape = tuple(int(size) for size in arguments.size.split("x"))
    run = _keras(arguments) if arguments.only == "keras" else _STRAIGHT[arguments.backend](arguments.threads)
    image = np.random.default_rng(1).uniform(-0.5, 0.5, shape).astype(np.float32)
    before = _status_mb("VmRSS")
    run(image)
    times = []
    for _ in range(arguments.repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        run(image)
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    return {
        "cpu_s": round(min(cpu for cpu, _ in times), 3),
        "wall_s": round(min(wall for _, wall in times), 3),
        "memory_mb": round(_status_mb("VmHWM") - before),
    }


def _keras(arguments: argparse.Namespace) -> Callable[[np.ndarray], np.ndarray]:
    from flarecli.engine import start_runtime
    from flarecli.engine.networks import network_of

    os.environ["KERAS_BACKEND"] = arguments.backend
    runtime = start_runtime(arguments.backend, "cpu", "float32", arguments.threads)
    from flarecli_models.efficientscn import spatial_configuration_net

    return network_of(spatial_configuration_net(), runtime, "final")


def _straight_torch(threads: int) -> Callable[[np.ndarray], np.ndarray]:
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)

    def parameters(channels: int, filters: int, size: int = 3) -> tuple[Any, Any]:
        deviation = math.sqrt(2 / (channels * size**3))
        return torch.randn(filters, channels, size, size, size) * deviation, torch.zeros(filters)

    def unet(channels: int, filters: int, levels: int, outputs: int) -> Callable[[Any], Any]:
        down = [
            [parameters(channels if level == 0 else filters, filters), parameters(filters, filters)]
            for level in range(levels)
        ]
        up = [
            [parameters(filters if level == levels - 1 else 2 * filters, filters), parameters(filters, filters)]
            for level in range(levels)
        ]
        prediction = parameters(filters, outputs, 1)

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
        weights = _cubic_weights()
        for axis in (2, 3, 4):
            margins = [0] * 6
            margins[2 * (4 - axis)] = margins[2 * (4 - axis) + 1] = 2
            padded, count = functional.pad(x, margins, mode="replicate"), x.shape[axis]
            phases = [
                sum(float(weight) * padded.narrow(axis, tap, count) for tap, weight in enumerate(row))
                for row in weights
            ]
            x = torch.stack(phases, axis + 1).flatten(axis, axis + 1)
        return x

    local_net = unet(1, FILTERS, LEVELS, LABELS)
    spatial_nets = [
        unet(LABELS if label == 0 else LABELS - 1, SPATIAL_FILTERS, SPATIAL_LEVELS, 1) for label in range(LABELS)
    ]

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


def _straight_tensorflow(threads: int) -> Callable[[np.ndarray], np.ndarray]:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)

    def parameters(channels: int, filters: int, size: int = 3) -> tuple[Any, Any]:
        deviation = math.sqrt(2 / (channels * size**3))
        kernel = tf.random.normal((size, size, size, channels, filters), stddev=deviation)
        return tf.Variable(kernel), tf.Variable(tf.zeros(filters))

    def convolved(x: Any, kernel: Any, bias: Any) -> Any:
        return tf.nn.bias_add(tf.nn.conv3d(x, kernel, [1] * 5, "SAME"), bias)

    def pooled(x: Any, size: int) -> Any:
        return tf.nn.avg_pool3d(x, size, size, "VALID")

    def interpolated(x: Any, weights: np.ndarray, axis: int) -> Any:
        radius = weights.shape[1] // 2
        first, last = tf.gather(x, [0], axis=axis), tf.gather(x, [x.shape[axis] - 1], axis=axis)
        padded = tf.concat([first] * radius + [x] + [last] * radius, axis)
        phases = []
        for row in weights:
            terms = []
            for tap, weight in enumerate(row):
                if weight:
                    begin, size = [0] * 5, [-1] * 5
                    begin[axis], size[axis] = tap, x.shape[axis]
                    terms.append(float(weight) * tf.slice(padded, begin, size))
            phases.append(tf.add_n(terms))
        shape = list(x.shape)
        shape[axis] *= len(weights)
        return tf.reshape(tf.stack(phases, axis + 1), shape)

    def unet(channels: int, filters: int, levels: int, outputs: int) -> Callable[[Any], Any]:
        down = [
            [parameters(channels if level == 0 else filters, filters), parameters(filters, filters)]
            for level in range(levels)
        ]
        up = [
            [parameters(filters if level == levels - 1 else 2 * filters, filters), parameters(filters, filters)]
            for level in range(levels)
        ]
        prediction = parameters(filters, outputs, 1)

        def block(x: Any, convolutions: list[tuple[Any, Any]]) -> Any:
            for kernel, bias in convolutions:
                x = tf.nn.leaky_relu(convolved(x, kernel, bias), 0.1)
            return x

        def run(x: Any) -> Any:
            skips = []
            for level in range(levels):
                x = block(pooled(x, 2) if level else x, down[level])
                skips.append(x)
            x = block(x, up[-1])
            for level in reversed(range(levels - 1)):
                for axis in (1, 2, 3):
                    x = interpolated(x, _LINEAR_WEIGHTS, axis)
                x = block(tf.concat([skips[level], x], -1), up[level])
            return convolved(x, *prediction)

        return run

    local_net = unet(1, FILTERS, LEVELS, LABELS)
    spatial_nets = [
        unet(LABELS if label == 0 else LABELS - 1, SPATIAL_FILTERS, SPATIAL_LEVELS, 1) for label in range(LABELS)
    ]

    @tf.function
    def network(x: Any) -> Any:
        local = local_net(x)
        likely, coarse = pooled(tf.sigmoid(local), REDUCTION), pooled(x, REDUCTION)
        seen = [
            tf.concat([coarse, *(likely[..., other : other + 1] for other in range(1, LABELS) if other != label)], -1)
            for label in range(LABELS)
        ]
        spatial = tf.concat([net(part) for net, part in zip(spatial_nets, seen, strict=True)], -1)
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
_STRAIGHT = {"torch": _straight_torch, "tensorflow": _straight_tensorflow}


def _cubic_weights() -> np.ndarray:
    """Keys' cubic convolution (a = -0.5) to four times the size, half-pixel centres: (phases, taps)."""
    centres = (np.arange(REDUCTION) + 0.5) / REDUCTION - 0.5
    distance = np.abs(centres[:, None] - np.arange(-2, 3)[None, :])
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def _status_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    line = next(line for line in lines if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
