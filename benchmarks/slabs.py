"""What running in slabs costs and saves, on a processor in the place of a GPU.

    KERAS_BACKEND=torch python -m benchmarks.slabs {efficientscn,flarelite} [--limits-mb 1000 400 150] [--shape Z Y X]

Runs a segmentation network as a whole and within limits of activation memory, counts PyTorch's tensors meanwhile, and
prints a line of JSON for each: seconds, MB (10^6 bytes) predicted and counted, and how far the scores are apart.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from flarecli.engine import start_runtime


def _scn() -> Any:
    from flarecli_models.efficientscn import spatial_configuration_net

    return spatial_configuration_net()


def _refine() -> Any:
    from flarecli_models.flarelite import refine_unet

    return refine_unet()


_NETWORKS: dict[str, tuple[Callable[[], Any], str | None, int, tuple[int, int, int]]] = {
    "efficientscn": (_scn, "final", 1, (96, 128, 160)),
    "flarelite": (_refine, None, 5, (160, 160, 160)),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=list(_NETWORKS))
    parser.add_argument("--limits-mb", type=float, nargs="+", default=[1000.0, 400.0, 150.0])
    parser.add_argument("--shape", type=int, nargs=3)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    build, output, channels, usual_shape = _NETWORKS[options.network]
    runtime = start_runtime("torch", "cpu", "float32", options.threads)
    # These import Keras, which then runs on PyTorch.
    from flarecli.engine.keras_networks import TorchNetwork
    from flarecli.engine.slabs import SlabRun
    from tests.engine.live_tensors import LiveTensors, WatchedDevice
    from tests.models.model_checks import seeded_weights, with_weights

    model = build()
    with_weights(model, seeded_weights(model, seed=1))
    batch = _smooth_noise(channels, tuple(options.shape or usual_shape))

    whole = TorchNetwork(model, output, runtime)
    with LiveTensors() as live:
        expected, seconds, cpu_seconds = _timed(partial(whole._scores, batch))
    predicted = SlabRun(model, output, WatchedDevice(live)).predicted_whole_bytes(batch.shape)
    _tell(way="whole", seconds=seconds, cpu_seconds=cpu_seconds, predicted=predicted, counted=live.peak_bytes)
    for limit_mb in options.limits_mb:
        with LiveTensors() as live:
            run = SlabRun(model, output, WatchedDevice(live))
            (scores, report), *times = _timed(partial(run, batch, int(limit_mb * 1e6)))
        _tell(
            way=f"within {limit_mb:g} MB",
            seconds=times[0],
            cpu_seconds=times[1],
            predicted=report.predicted_bytes,
            counted=live.peak_bytes,
            rows=report.rows,
            slabs=report.slabs,
            largest_difference=float(np.abs(scores - expected).max()),
            largest_score=float(np.abs(expected).max()),
            labels_differing=int((scores.argmax(axis=1) != expected.argmax(axis=1)).sum()),
        )


def _smooth_noise(channels: int, shape: tuple[int, ...]) -> np.ndarray:
    """A batch of one with structure of some voxels, standard deviation 0.5."""
    generator = np.random.default_rng(0)
    volumes = [gaussian_filter(generator.normal(0.0, 1.0, shape).astype(np.float32), 3) for _ in range(channels)]
    batch = np.stack(volumes)[None]
    return batch / (2 * batch.std())


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def _tell(*, predicted: int, counted: int, **figures: Any) -> None:
    rounded = {key: round(value, 2) if key.endswith("seconds") else value for key, value in figures.items()}
    print(
        json.dumps({**rounded, "predicted_mb": round(predicted / 1e6), "counted_mb": round(counted / 1e6)}), flush=True
    )


if __name__ == "__main__":
    main()
