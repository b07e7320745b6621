"""How near each backend, layout and precision comes to the original networks, in what time and memory.

    python -m benchmarks.parity [--network efficientsegnet/fine ...] [--backend openvino ...] [--repeats 3]

prints a Markdown table. Deviations are of the logits for the reference's small input; time and memory are of one
forward pass at the network's full input. Every row is measured in a process of its own, so that the peak resident
memory is its own; `base MB` is what it was before the first pass. The first pass includes compiling. Processor
seconds (of all threads) compare better than wall seconds on a machine with other work; `--repeats 0` times nothing.
The reference arrays are found as the tests find them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.hardware.memory import peak_rss_mb

if TYPE_CHECKING:
    import keras

    from benchmarks.subjects import Subject
    from flarecli.engine import Runtime

BACKENDS = ("openvino", "tensorflow", "torch")
PRECISIONS = ("float32", "bfloat16")
LAYOUTS = ("channels_first", "channels_last")
NETWORKS = (
    "efficientscn/localization",
    "efficientscn/segmentation",
    "efficientsegnet/coarse",
    "efficientsegnet/fine",
    "vgg13/segmentation",
)

COLUMNS = (
    "| network | backend | layout | precision | max error | mean error | labels equal | first s | least s | median s "
    "| CPU s | base MB | peak MB |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    options = _options()
    if options.row:
        print(json.dumps(_measured(options, *options.row)))
        return
    print(COLUMNS, flush=True)
    for network in options.network:
        for backend in options.backend:
            for layout in options.layout if backend != "tensorflow" else ("channels_last",):
                for precision in options.precision:
                    print(_row_of_a_process(options, network, backend, layout, precision), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=BACKENDS)
    parser.add_argument("--layout", nargs="+", choices=LAYOUTS, default=LAYOUTS)
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="timed passes after the first one")
    parser.add_argument("--row", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


def _row_of_a_process(options: argparse.Namespace, network: str, backend: str, layout: str, precision: str) -> str:
    row = (network, backend, layout, precision)
    settings = ["--threads", str(options.threads), "--repeats", str(options.repeats)]
    command = [sys.executable, "-m", "benchmarks.parity", *settings, "--row", *row]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return f"| {' | '.join(row)} | failed: {done.stderr.strip().splitlines()[-1]} ||||||||| |"
    facts = json.loads(done.stdout.splitlines()[-1])
    parity = f"{facts['max_error']:.1e} | {facts['mean_error']:.1e} | {facts['labels_equal']:.4%}"
    timing = " | ".join(_cell(facts.get(name)) for name in ("first_s", "least_s", "median_s", "cpu_s"))
    memory = " | ".join(_cell(facts.get(name), 0) for name in ("base_mb", "peak_mb"))
    return f"| {' | '.join(row)} | {parity} | {timing} | {memory} |"


def _cell(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _measured(options: argparse.Namespace, network: str, backend: str, layout: str, precision: str) -> dict[str, float]:
    from flarecli.engine import start_runtime

    runtime = start_runtime(backend, "cpu", precision, options.threads)

    from benchmarks.subjects import SUBJECTS

    subject = SUBJECTS[network]
    timing = _timed(subject, runtime, layout, options.repeats) if options.repeats else {}
    return {**timing, **_deviations(subject, runtime, layout)}


def _deviations(subject: Subject, runtime: Runtime, layout: str) -> dict[str, float]:
    from flarecli_models.importers.efficientscn_variables import assign_weights

    weights, image, expected = subject.reference()
    model = _built(subject.build, runtime, layout)
    assign_weights(model, weights)
    scores = _network(model, subject, runtime, layout)(image)
    deviation = np.abs(scores - expected)
    return {
        "max_error": float(deviation.max()),
        "mean_error": float(deviation.mean()),
        "labels_equal": float(np.mean(subject.labels(scores) == subject.labels(expected))),
    }


def _timed(subject: Subject, runtime: Runtime, layout: str, repeats: int) -> dict[str, float]:
    model = _built(subject.build_timed or subject.build, runtime, layout)
    network = _network(model, subject, runtime, layout)
    image = np.random.default_rng(0).standard_normal(subject.timed_shape, np.float32)
    base_mb = peak_rss_mb()
    seconds, cpu_seconds = [], []
    for _ in range(repeats + 1):
        start, cpu_start = time.perf_counter(), time.process_time()
        network(image)
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu_start)
    return {
        "first_s": seconds[0],
        "least_s": min(seconds[1:]),
        "median_s": statistics.median(seconds[1:]),
        "cpu_s": min(cpu_seconds[1:]),
        "base_mb": base_mb,
        "peak_mb": peak_rss_mb(),
    }


def _built(build: Any, runtime: Runtime, layout: str) -> keras.Model:
    """The model under the policy that the engine builds it under."""
    import keras

    mixed = runtime.backend != "openvino" and runtime.precision != "float32"
    keras.config.set_dtype_policy(f"mixed_{runtime.precision}" if mixed else "float32")
    return build(layout)


def _network(model: keras.Model, subject: Subject, runtime: Runtime, layout: str) -> Any:
    """The model as the engine runs it; between transpositions where the engine would use the other layout."""
    from flarecli.engine.networks import network_of
    from flarecli_models.data_format import resolved_data_format

    if layout == resolved_data_format(None):
        return network_of(model, runtime, subject.output)
    import keras

    *spatial, channels = model.inputs[0].shape[1:]
    axes = range(1, len(spatial) + 2)
    image = keras.Input((channels, *spatial))
    scores = model(keras.layers.Permute((*axes[1:], 1))(image))
    scores = scores if subject.output is None else scores[subject.output]
    return network_of(keras.Model(image, keras.layers.Permute((axes[-1], *axes[:-1]))(scores)), runtime)


if __name__ == "__main__":
    main()
