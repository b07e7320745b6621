"""`flare predict --system efficientsegnet` with class scores that look like organs, for networks without real weights.

    python -m benchmarks.organ_shaped_scores SCAN LABELS [--weights CHOICE ...] [--repeats 5] [--noise 0]

Weights of random numbers give masks of noise, which are slow to restore and to take apart, so that such a run says
little about one with trained weights. Here everything runs as always, both networks included, but what they answer is
overwritten by scores made from LABELS, a label map of the same scan by whatever system. THE RESULT IS A COPY OF
LABELS, not a segmentation: time and memory are all that this measures. Reading the made scores from a file is
included.

Every repeat is a fresh process with its graphs in the cache. `--noise` adds islands: the deviation of voxel-wise noise
on logits that go from -10 outside to 10 inside organs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

_KEYS = ("coarse", "fine")
_SMOOTHING_VOXELS = 1.0
"""Deviation of the Gaussian that gives the made scores their slope, in voxels of the network."""
_LOGIT_INSIDE = 10.0


def main() -> None:
    """Make scores, run, print JSON."""
    if len(sys.argv) > 1 and sys.argv[1] == "--run":
        _run_command(Path(sys.argv[2]), sys.argv[3:])
        return
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_scores(options.scan, options.labels, options.weights, options.noise, folder)
        runs = [_measured(options, folder) for _ in range(options.repeats + 1)][1:]
        result = _agreement(options.labels, folder / "out.nii.gz")
    summary: dict[str, Any] = {
        key: statistics.median(run[key] for run in runs) for key in ("wall_s", "cpu_s", "peak_mb")
    }
    for figure in ("wall_s", "cpu_s"):
        summary[f"steps {figure}"] = {
            step: round(statistics.median(run["steps"][step][figure] for run in runs), 3) for step in runs[0]["steps"]
        }
    summary["all wall_s"] = [round(run["wall_s"], 2) for run in runs]
    summary["DSC to LABELS"] = result
    summary["load average"] = os.getloadavg()[0]
    print(json.dumps(summary, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--weights", nargs="+", default=[], help="as of `flare predict`; of random numbers, say")
    parser.add_argument("--repeats", type=int, default=5, help="fresh processes after a first one that fills the cache")
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


def _write_scores(scan: Path, labels: Path, weights: list[str], noise: float, folder: Path) -> None:
    """What the networks are made to answer: `coarse.f32` for the scan, `fine.f32` for the region that follows."""
    from flarecli.metrics.label_map import Fractions, read_label_map
    from flarecli.organs import ORGANS
    from flarecli.resample import aligned_matrix, composed, gaussian_matrix, resample_separable
    from flarecli.systems.efficientsegnet.organ_filter import coarse_organs
    from flarecli.systems.efficientsegnet.regions import window_around_mask
    from flarecli.volume import read_volume
    from flarecli.weights.selection import weighted_system

    system: Any = weighted_system("efficientsegnet", weights).system  # at the sizes that its weights were trained at
    constants = system.constants
    grid = read_volume(scan).grid
    organs = read_label_map(labels, fractions=Fractions.UNLABELLED).labels
    rng = np.random.default_rng(0)

    def scores(part: np.ndarray, shape_zyx: tuple[int, int, int]) -> np.ndarray:
        matrices = [
            composed(aligned_matrix(n_in, n_out), gaussian_matrix(n_out, _SMOOTHING_VOXELS))
            for n_in, n_out in zip(part.shape, shape_zyx, strict=True)
        ]
        inside = np.stack([resample_separable(part == organ.label, *matrices) for organ in ORGANS])
        return (2 * inside - 1) * _LOGIT_INSIDE + noise * rng.standard_normal(inside.shape, np.float32)

    coarse = scores(organs, constants.coarse_shape_zyx)
    voxel_mm3 = float(np.prod(grid.extent_mm)) / coarse[0].size
    window = window_around_mask(coarse_organs(coarse, voxel_mm3, constants), grid, constants)
    if window is None:
        raise SystemExit(f"{labels} holds no organ")
    fine = scores(organs[window], constants.fine_shape_zyx)
    for key, made in zip(_KEYS, (coarse, fine), strict=True):
        made.astype(np.float32).tofile(folder / f"{key}.f32")


def _measured(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.organ_shaped_scores", "--run", str(folder)]
    command += ["predict", str(options.scan), str(folder / "out.nii.gz")]
    command += ["--system", "efficientsegnet", "--backend", "openvino", "--precision", options.precision]
    command += ["--overwrite", "--json"]
    command += [] if options.threads is None else ["--threads", str(options.threads)]
    for choice in options.weights:
        command += ["--weights", choice]
    start, before = time.perf_counter(), os.times()
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    wall_s, after = time.perf_counter() - start, os.times()
    record = json.loads(ended.stdout)["record"]
    steps: dict[str, dict[str, float]] = {}
    for step in record["steps"]:
        total = steps.setdefault(step["name"], {"wall_s": 0.0, "cpu_s": 0.0})
        for figure in total:
            total[figure] += step[figure]
    return {
        "wall_s": wall_s,
        "cpu_s": after.children_user + after.children_system - before.children_user - before.children_system,
        "peak_mb": record["peak_rss_mb"],
        "steps": steps,
    }


def _run_command(folder: Path, arguments: list[str]) -> None:
    """The command itself, in this process, its networks' answers overwritten after they have been computed."""
    from flarecli.cli.entry import main as flare
    from flarecli.prediction import predictor
    from flarecli.systems.base import Network

    load = predictor.load_network
    keys = iter(_KEYS)

    def load_and_overwrite(*args: Any, **kwargs: Any) -> Network:
        network, file = load(*args, **kwargs), folder / f"{next(keys)}.f32"

        def run(image: np.ndarray) -> np.ndarray:
            scores = network(image)
            if file.stat().st_size != scores.nbytes:
                raise SystemExit(f"{file.name} was made for another size than {scores.shape}")
            with file.open("rb") as made:
                made.readinto(scores.data.cast("B"))
            return scores

        return run

    predictor.load_network = load_and_overwrite  # type: ignore[assignment]  # answers what the predictor asks for
    sys.argv[1:] = arguments
    flare()


def _agreement(labels: Path, result: Path) -> dict[str, float]:
    from flarecli.metrics.label_map import Fractions, read_label_map
    from flarecli.metrics.overlap import dice
    from flarecli.organs import ORGANS

    truth, found = (read_label_map(path, fractions=Fractions.UNLABELLED).labels for path in (labels, result))
    return {organ.name: round(dice(found == organ.label, truth == organ.label), 4) for organ in ORGANS}


if __name__ == "__main__":
    main()
