"""Networks written straight in PyTorch and in TensorFlow, against the Keras models with the same weights.

    python -m benchmarks.straight_networks torch|tensorflow [--network efficientsegnet/fine] [--size 128x128x128]

Each runs in a process of its own, one after the other; printed are processor seconds and wall seconds (the least of
the repeats after the first call) and the rise of peak memory, as JSON, with the ratios Keras / straight and the
largest deviation of the one's scores from the other's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import straight_efficientscn as efficientscn
from benchmarks import straight_efficientsegnet as efficientsegnet
from flarecli.engine import start_runtime
from flarecli.engine.networks import network_of
from flarecli.hardware.memory import peak_rss_mb

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]
Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Compared:
    """One network in both ways.

    Attributes:
        build: Makes the Keras model for a shape (z, y, x).
        straight: By framework, what makes the straight network from the model's weights by `layer/weight`.
        shape_zyx: Usual size of the input.
        output: Output compared, where the model returns a dictionary.
    """

    build: Callable[[Shape], keras.Model]
    straight: dict[str, Callable[[dict[str, np.ndarray]], Run]]
    shape_zyx: Shape
    output: str | None = None


def _scn(_shape_zyx: Shape) -> keras.Model:
    from flarecli_models.efficientscn import spatial_configuration_net

    return spatial_configuration_net()


def _coarse(shape_zyx: Shape) -> keras.Model:
    from flarecli_models.efficientsegnet import coarse_unet

    return coarse_unet(shape_zyx)


def _fine(shape_zyx: Shape) -> keras.Model:
    from flarecli_models.efficientsegnet import efficientsegnet

    return efficientsegnet(shape_zyx)


NETWORKS = {
    "efficientscn/segmentation": Compared(
        _scn,
        {"torch": efficientscn.torch_network, "tensorflow": efficientscn.tensorflow_network},
        (96, 96, 96),
        "final",
    ),
    "efficientsegnet/coarse": Compared(
        _coarse,
        {"torch": efficientsegnet.torch_coarse, "tensorflow": efficientsegnet.tensorflow_coarse},
        (160, 160, 160),
    ),
    "efficientsegnet/fine": Compared(
        _fine, {"torch": efficientsegnet.torch_fine, "tensorflow": efficientsegnet.tensorflow_fine}, (192, 192, 192)
    ),
}


def main() -> None:
    """Measure and print."""
    options = _options()
    if options.only:
        print(json.dumps(_measured(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.straight_networks", *sys.argv[1:], "--exchange", folder, "--only"]
        # The Keras model first: it leaves its weights for the other.
        figures = {
            way: json.loads(
                subprocess.run(
                    [*command, way],
                    check=True,
                    stdout=subprocess.PIPE,
                    env={**os.environ, "KERAS_BACKEND": options.backend},
                ).stdout
            )
            for way in ("keras", "straight")
        }
        keras_scores, straight_scores = (np.load(Path(folder) / f"{way}.npy") for way in ("keras", "straight"))
    ratios = {key: round(value / figures["straight"][key], 2) for key, value in figures["keras"].items()}
    deviation = {
        "largest": float(np.abs(keras_scores - straight_scores).max()),
        "largest score": float(np.abs(straight_scores).max()),
    }
    print(json.dumps({**figures, "keras / straight": ratios, "deviation": deviation}, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backend", choices=("torch", "tensorflow"))
    parser.add_argument("--network", choices=NETWORKS, default="efficientscn/segmentation")
    parser.add_argument("--size", type=_shape_zyx, help="size of the input, Z x Y x X; the usual one where left out")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=("keras", "straight"), help=argparse.SUPPRESS)
    parser.add_argument("--exchange", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _shape_zyx(text: str) -> Shape:
    z, y, x = (int(size) for size in text.split("x"))
    return z, y, x


def _measured(options: argparse.Namespace) -> dict[str, float]:
    compared = NETWORKS[options.network]
    shape_zyx = options.size or compared.shape_zyx
    # Sets threads and the treatment of denormal numbers alike for both.
    runtime = start_runtime(options.backend, "cpu", "float32", options.threads)
    weights_file = options.exchange / "weights.npz"
    run: Any
    if options.only == "keras":
        model = compared.build(shape_zyx)
        weights: dict[str, Any] = _weights_by_layer(model)
        np.savez(weights_file, **weights)
        run = network_of(model, runtime, compared.output)
    else:
        with np.load(weights_file) as arrays:
            run = compared.straight[options.backend](dict(arrays))
    image = np.random.default_rng(1).uniform(-0.5, 0.5, shape_zyx).astype(np.float32)
    before_mb = _resident_mb()
    scores = run(image)
    times = []
    for _ in range(options.repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        run(image)
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    memory_mb = peak_rss_mb() - before_mb
    np.save(options.exchange / f"{options.only}.npy", scores)
    return {
        "cpu_s": round(min(cpu for cpu, _ in times), 3),
        "wall_s": round(min(wall for _, wall in times), 3),
        "memory_mb": round(memory_mb),
    }


def _weights_by_layer(model: keras.Model) -> dict[str, np.ndarray]:
    import keras

    return {
        f"{layer.name}/{weight.name}": keras.ops.convert_to_numpy(weight)
        for layer in model.layers
        for weight in layer.weights
    }


def _resident_mb() -> float:
    import psutil

    return psutil.Process().memory_info().rss / 1e6


if __name__ == "__main__":
    main()
