"""The measured process of `benchmarks.suite.networks`: prints one JSON line."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.engine import load_network, start_runtime
from flarecli.hardware.memory import peak_rss_mb
from flarecli.systems import system_named

_FULL_SIZES_ZYX = {
    "efficientscn/localization": (64, 64, 64),
    "efficientscn/segmentation": (96, 128, 160),
}
"""What systems give their networks on an ordinary scan; others that take any size are timed at the quick one."""

_QUICK_SIZE = 64
_SLICES = 2
_REPEATS = 3


def main() -> None:
    """Build, load, call once, then three times."""
    parser = argparse.ArgumentParser()
    for name in ("system", "key", "backend", "precision"):
        parser.add_argument(name)
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()

    runtime = start_runtime(options.backend, "auto", options.precision)

    from flarecli_models.flops import count_operations

    spec = next(spec for spec in system_named(options.system).networks if spec.key == options.key)
    model = spec.build()
    channels, size = _channels_and_size(model, f"{options.system}/{options.key}", full=options.full)
    images = 1 if len(size) == 3 else _SLICES
    shape = (images, channels, *size) if len(size) == 2 else size if channels == 1 else (channels, *size)
    operations = images * count_operations(model, size).total
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "untrained.weights.h5"
        model.save_weights(weights)
        parameters = model.count_params()
        del model
        network = load_network(spec.build, weights, runtime, spec.output)
        image = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        first_s, _ = _timed(network, image)
    later = [_timed(network, image) for _ in range(_REPEATS)]
    call_s, cpu_s = (statistics.median(values) for values in zip(*later, strict=True))
    print(
        json.dumps(
            {
                "input_shape": shape,
                "parameters": parameters,
                "operations": operations,
                "first_s": first_s,
                "call_s": call_s,
                "cpu_s": cpu_s,
                "gflops": operations / call_s / 1e9,
                "peak_rss_mb": peak_rss_mb(),
                "runtime": runtime.as_dict(),
            }
        )
    )


def _channels_and_size(model: Any, name: str, *, full: bool) -> tuple[int, tuple[int, ...]]:
    """Channels and spatial size of an input; a network that takes one size only gets that."""
    _, *symbolic = model.inputs[0].shape
    if None in symbolic:
        quick = (_QUICK_SIZE,) * (len(symbolic) - 1)
        (channels,) = (size for size in symbolic if size is not None)
        return channels, _FULL_SIZES_ZYX.get(name, quick) if full else quick
    if symbolic[0] < symbolic[-1]:
        return symbolic[0], tuple(symbolic[1:])
    return symbolic[-1], tuple(symbolic[:-1])


def _timed(network: Any, image: np.ndarray) -> tuple[float, float]:
    start, cpu = time.perf_counter(), time.process_time()
    network(image)
    return time.perf_counter() - start, time.process_time() - cpu


if __name__ == "__main__":
    main()
