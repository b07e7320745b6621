"""How near each backend, layout and precision comes to the published EfficientSCN, in what time and memory.

    python benchmarks/parity.py --fixtures FOLDER [--backend openvino ...] [--threads 2]

prints a Markdown table. Every row is measured in a process of its own, so that the peak resident memory is its own.
Processor seconds (of all threads) compare better than wall seconds on a machine with other work. FOLDER
holds `scn_localization.npz` and `scn_segmentation.npz`: weights, inputs and the outputs of the original.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

BACKENDS = ("openvino", "tensorflow", "torch")
PRECISIONS = ("float32", "bfloat16")
LAYOUTS = ("channels_first", "channels_last")
TIMED_SHAPE_ZYX = {"localization": (64, 64, 64), "segmentation": (96, 128, 160)}
REPEATS = 3

COLUMNS = (
    "| network | backend | layout | precision | max error | mean error | labels equal | forward s | CPU s | peak MB |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    options = _options()
    if options.row:
        print(json.dumps(_measured(options, *options.row)))
        return
    print(COLUMNS, flush=True)
    for network in TIMED_SHAPE_ZYX:
        for backend in options.backend:
            for layout in LAYOUTS if backend != "tensorflow" else ("channels_last",):
                for precision in PRECISIONS:
                    print(_row_of_a_process(options, network, backend, layout, precision), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixtures", type=Path, required=True, help="folder of the reference arrays")
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=BACKENDS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--row", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


def _row_of_a_process(options: argparse.Namespace, *row: str) -> str:
    command = [sys.executable, __file__, "--fixtures", str(options.fixtures), "--threads", str(options.threads)]
    done = subprocess.run([*command, "--row", *row], capture_output=True, text=True)
    if done.returncode:
        return f"| {' | '.join(row)} | failed: {done.stderr.strip().splitlines()[-1]} |||||| |"
    facts = json.loads(done.stdout.splitlines()[-1])
    return (
        f"| {' | '.join(row)} | {facts['max_error']:.1e} | {facts['mean_error']:.1e} | {facts['labels_equal']:.4%} "
        f"| {facts['forward_s']:.2f} | {facts['cpu_s']:.2f} | {facts['peak_mb']:.0f} |"
    )


def _measured(options: argparse.Namespace, network: str, backend: str, layout: str, precision: str) -> dict[str, float]:
    from flarecli.engine import load_network, start_runtime

    runtime = start_runtime(backend, "cpu", precision, options.threads)

    from flarecli_models.efficientscn import localization_unet, spatial_configuration_net
    from flarecli_models.importers.efficientscn_variables import assign_weights

    make, output = {
        "localization": (localization_unet, None),
        "segmentation": (spatial_configuration_net, "final"),
    }[network]

    def build() -> keras.Model:
        return _in_usual_layout(make(data_format=layout), layout, output)

    with tempfile.TemporaryDirectory() as folder, np.load(options.fixtures / f"scn_{network}.npz") as fixture:
        weights_file = Path(folder) / f"{network}.weights.h5"
        model = make(data_format=layout)
        assign_weights(model, _weights(fixture))
        _in_usual_layout(model, layout, output).save_weights(weights_file)
        del model
        wrapped = layout != _usual_layout()
        run = load_network(build, weights_file, runtime, None if wrapped else output)
        image, expected = (
            (fixture["input_ct"][0, 0], fixture["output_ct_logits"][0])
            if network == "localization"
            else (fixture["input"][0, 0], fixture["output_final"][0])
        )
    scores = run(image)
    deviation = np.abs(scores - expected)
    labels_equal = float(np.mean(scores.argmax(axis=0) == expected.argmax(axis=0)))

    timed = np.random.default_rng(0).uniform(-0.5, 0.5, TIMED_SHAPE_ZYX[network]).astype(np.float32)
    run(timed)
    seconds, cpu_seconds = [], []
    for _ in range(REPEATS):
        start, cpu_start = time.perf_counter(), time.process_time()
        run(timed)
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu_start)
    return {
        "max_error": float(deviation.max()),
        "mean_error": float(deviation.mean()),
        "labels_equal": labels_equal,
        "forward_s": min(seconds),
        "cpu_s": min(cpu_seconds),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _usual_layout() -> str:
    from flarecli_models.data_format import resolved_data_format

    return resolved_data_format(None)


def _in_usual_layout(model: keras.Model, layout: str, output: str | None) -> keras.Model:
    """The model itself, or between transpositions where the engine would use the other layout."""
    if layout == _usual_layout():
        return model
    import keras

    *spatial, channels = model.inputs[0].shape[1:]
    image = keras.Input((channels, *spatial))
    scores = model(keras.layers.Permute((2, 3, 4, 1))(image))
    scores = scores if output is None else scores[output]
    return keras.Model(image, keras.layers.Permute((4, 1, 2, 3))(scores))


def _weights(fixture: Any) -> dict[str, np.ndarray]:
    """Arrays `weights/local/contracting0/conv0/kernel` under `local_contracting0_conv0/kernel`."""
    weights = {}
    for path in fixture.files:
        if path.startswith("weights/"):
            *layer, part = path.removeprefix("weights/").split("/")
            weights[f"{'_'.join(layer)}/{part}"] = fixture[path]
    return weights


if __name__ == "__main__":
    main()
