"""How long one update of a network's weights takes, and in what memory, by its training recipe.

    python -m benchmarks.training_steps [--network vgg13/segmentation ...] [--backend torch ...] [--steps 2]

prints a Markdown table. Samples are of random numbers, so that nothing waits for a loader (`flare train --measure`
compares the two). Every row is measured in a process of its own; a first update, which traces and compiles, is not
counted. Processor seconds, of all threads, compare better than wall seconds on a machine with other work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np

from flarecli.hardware.memory import peak_rss_mb

NETWORKS = (
    "flarelite/locate",
    "flarelite/refine",
    "efficientscn/localization",
    "efficientscn/segmentation",
    "efficientsegnet/coarse",
    "efficientsegnet/fine",
    "vgg13/segmentation",
)
BACKENDS = ("tensorflow", "torch")
COLUMNS = "| network | backend | batch | CPU s | wall s | base MB | peak MB |\n|---|---|---|---|---|---|---|"


def main() -> None:
    """Measure and print."""
    options = _options()
    if options.row:
        network, backend = options.row
        print(json.dumps(_measured(network, backend, options)))
        return
    print(COLUMNS, flush=True)
    for network in options.network:
        for backend in options.backend:
            settings = [f"--{name}={getattr(options, name)}" for name in ("batch", "steps", "threads", "device")]
            command = [sys.executable, "-m", "benchmarks.training_steps", *settings, "--row", network, backend]
            environment = {**os.environ, "KERAS_BACKEND": backend}
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            row = f"| {network} | {backend} | {options.batch} "
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
                print(f"{row}| failed: {reason} |||| |", flush=True)
                continue
            facts = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{row}| {facts['cpu_s']:.1f} | {facts['wall_s']:.1f} | {facts['base_mb']:.0f} "
                f"| {facts['peak_mb']:.0f} |",
                flush=True,
            )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=BACKENDS)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2, help="updates that are timed, after a first one")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--row", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def _measured(network: str, backend: str, options: argparse.Namespace) -> dict[str, float]:
    from flarecli.training.given_weights import given_weights
    from flarecli.training.machine import Machine
    from flarecli.training.preparation import network_spec, prepare
    from flarecli.training.recipes import recipes_for

    system, key = network.split("/")
    recipe = next(iter(recipes_for(system, key).values()))
    runtime = Machine(backend, options.device, threads=options.threads).start(recipe.precision)
    spec = network_spec(system, key, recipe.view.input_shape)
    model = prepare(recipe, spec, runtime, seed=0, given=given_weights(recipe, None)).model
    batch = [_sample(model.model, recipe.view, seed) for seed in range(options.batch)]
    base_mb = peak_rss_mb()
    model.update([batch], 0)
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(options.steps):
        model.update([batch], number + 1)
    return {
        "cpu_s": (time.process_time() - cpu) / options.steps,
        "wall_s": (time.perf_counter() - wall) / options.steps,
        "base_mb": base_mb,
        "peak_mb": peak_rss_mb(),
    }


def _sample(model: Any, view: Any, seed: int) -> Any:
    """An image of noise with noise for labels, of the model's size; where it takes any, of the view's (middle) one."""
    from flarecli.training.views import CropView
    from flarecli.training.views.scan import Sample
    from flarecli_models.data_format import CHANNELS_FIRST, resolved_data_format

    rng = np.random.default_rng(seed)
    _, *shape = model.inputs[0].shape
    channels, *size = shape if resolved_data_format(None) == CHANNELS_FIRST else (shape[-1], *shape[:-1])
    if None in size:
        size = view.shape_zyx if isinstance(view, CropView) else [sizes[len(sizes) // 2] for sizes in view.sizes]
    return Sample(rng.standard_normal((channels, *size), np.float32), rng.integers(0, 5, size).astype(np.uint8))


if __name__ == "__main__":
    main()
