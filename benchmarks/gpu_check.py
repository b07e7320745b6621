"""Everything that a machine with one NVIDIA GPU can tell of flare, in at most eight minutes and without a network.

    python -m benchmarks.gpu_check                    # or: just gpu-check
    python -m benchmarks.gpu_check --device cpu       # the same on the processor, to try the command

prints Markdown for `docs/gpu_memory.md`: for each system on PyTorch and TensorFlow in float32, bfloat16 and float16 its
labels against those of the CPU (OpenVINO, float32), seconds of a cold and of a warm run, and the three figures of GPU
memory; whether limits of GPU memory were kept; updates a second in training. A system without weights gets random ones.
What no time is left for is listed as not run.

The exit code is 1 when a limit was exceeded, labels differ from the CPU's by more than the precision explains, or a row
failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import nibabel
import numpy as np

from flarecli.engine.backend_choice import is_installed
from flarecli.errors import FlareError, InputError
from flarecli.metrics.overlap import dice
from flarecli.prediction.predictor import EngineRequest
from flarecli.profiling.inputs import phantom_scan
from flarecli.profiling.profile import CaseProfile, ProfileRequest, ScanToProfile, profile_scans
from flarecli.systems import SYSTEM_NAMES, system_named
from flarecli.weights.card import Card, write_weights
from flarecli.weights.selection import weighted_system

BACKENDS = ("torch", "tensorflow")
PRECISIONS = ("float32", "bfloat16", "float16")
LEAST_DSC = {"float32": 0.999, "bfloat16": 0.97, "float16": 0.99}
"""Of the worst organ against the CPU's: what the rounding of the precision explains."""

LIMITS_MB = (3000, 1500)
LIMITED_SYSTEM, TRAINED_NETWORK = "flarelite", "flarelite/refine"
_SEED = 0
_NOT_RUN = "not run: no time left"

_PREDICTIONS = (
    "| system | backend | precision | least DSC | other voxels | cold s | warm s | process MB | device MB "
    "| allocator MB |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)
_LIMITS = "| system | backend | limit MB | process MB | kept |\n|---|---|---|---|---|"
_TRAINING = "| network | backend | updates a second |\n|---|---|---|"


@dataclass(frozen=True)
class Check:
    """What is checked.

    Attributes:
        device: "gpu" or "cpu".
        systems: Names of the systems.
        backends: Names of the backends.
        precisions: Precisions of the networks.
        scan: The scan.
        deadline_s: On `time.monotonic`, after which no row begins.
        trains: Whether updates of a training are measured.
    """

    device: str
    systems: tuple[str, ...]
    backends: tuple[str, ...]
    precisions: tuple[str, ...]
    scan: ScanToProfile
    deadline_s: float
    trains: bool = True

    @property
    def has_time(self) -> bool:
        """Whether another row may begin."""
        return time.monotonic() < self.deadline_s


def main() -> None:
    """Measure and print."""
    options = _options()
    backends = tuple(backend for backend in options.backends if is_installed(backend))
    for backend in set(options.backends) - set(backends):
        print(f"{backend} is not installed: its rows are left out", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="flare-gpu-check-") as name:
        folder = Path(name)
        x, y, z = (int(size) for size in options.size.split("x"))
        check = Check(
            options.device,
            tuple(options.systems),
            backends,
            tuple(options.precisions),
            phantom_scan((z, y, x), folder),
            time.monotonic() + 60 * options.minutes,
            trains=not options.without_training,
        )
        troubles = 0
        for line, is_trouble in report(check, folder):
            print(line, flush=True)
            troubles += is_trouble
    print(f"\n{troubles} troubles" if troubles else "\nNo limit exceeded, no labels beyond what rounding explains.")
    sys.exit(1 if troubles else 0)


def report(check: Check, folder: Path) -> Iterator[tuple[str, bool]]:
    """The lines of the report, each with whether it tells of trouble."""
    yield f"Device: {check.device}. Scan: {check.scan.case.name}.\n", False
    yield _PREDICTIONS, False
    for system in check.systems:
        weights = weights_of(system, folder)
        reference: np.ndarray | None = None
        for backend in check.backends:
            for precision in check.precisions:
                row = f"| {system} | {backend} | {precision} "
                if not check.has_time:
                    yield f"{row}| {_NOT_RUN} |||||||", False
                    continue
                if reference is None:
                    cpu = EngineRequest("openvino", "cpu", "float32")
                    reference, _ = labels_of(check.scan, system, weights, cpu, folder, warm_runs=0)
                engine = EngineRequest(backend, check.device, precision)
                yield _row(row, partial(_prediction, check, system, weights, engine, reference, folder))
    yield f"\n{_LIMITS}", False
    for backend in check.backends if check.device == "gpu" else ():
        for limit_mb in LIMITS_MB:
            row = f"| {LIMITED_SYSTEM} | {backend} | {limit_mb} "
            if not check.has_time:
                yield f"{row}| {_NOT_RUN} ||", False
                continue
            yield _row(row, partial(_limited, check, backend, limit_mb, folder))
    if check.device != "gpu":
        yield "| | | | not run: limits need a GPU | |", False
    if not check.trains:
        return
    yield f"\n{_TRAINING}", False
    for backend in check.backends:
        row = f"| {TRAINED_NETWORK} | {backend} "
        yield _row(row, partial(_trained, check, backend)) if check.has_time else (f"{row}| {_NOT_RUN} |", False)


def _row(row: str, measure: Callable[[], tuple[str, bool]]) -> tuple[str, bool]:
    try:
        cells, is_trouble = measure()
    except FlareError as error:
        return f"{row}| failed: {' '.join(str(error).split())} |", True
    return f"{row}{cells}", is_trouble


def _prediction(
    check: Check, system: str, weights: tuple[str, ...], engine: EngineRequest, reference: np.ndarray, folder: Path
) -> tuple[str, bool]:
    labels, case = labels_of(check.scan, system, weights, engine, folder, warm_runs=1)
    organs = [value for value in np.unique(reference) if value]
    least = min((dice(reference == organ, labels == organ) for organ in organs), default=1.0)
    cold, warm = case.cold[0].whole, case.warm[0].whole
    memory = (cold.gpu_process_mb, cold.gpu_device_mb, cold.gpu_allocator_mb)
    cells = [f"{least:.4f}", f"{np.count_nonzero(labels != reference):,}", f"{cold.wall_s:.1f}", f"{warm.wall_s:.1f}"]
    cells += ["–" if value is None else f"{value:.0f}" for value in memory]
    return f"| {' | '.join(cells)} |", least < LEAST_DSC[engine.precision]


def _limited(check: Check, backend: str, limit_mb: float, folder: Path) -> tuple[str, bool]:
    engine = EngineRequest(backend, "gpu", "float32", None, limit_mb)
    _, case = labels_of(check.scan, LIMITED_SYSTEM, (), engine, folder, warm_runs=0)
    used_mb = case.cold[0].whole.gpu_process_mb
    if used_mb is None:
        return "| – | NVML does not tell |", False
    return f"| {used_mb:.0f} | {'yes' if used_mb <= limit_mb else 'NO'} |", used_mb > limit_mb


def _trained(check: Check, backend: str) -> tuple[str, bool]:
    settings = [f"--device={check.device}", "--batch=1", "--steps=3"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.training_steps", *settings, "--row", TRAINED_NETWORK, backend],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "KERAS_BACKEND": backend},
        timeout=max(1.0, check.deadline_s + 60 - time.monotonic()),
    )
    if done.returncode:
        return f"| failed: {(done.stderr.strip().splitlines() or [str(done.returncode)])[-1]} |", True
    return f"| {1 / json.loads(done.stdout.splitlines()[-1])['wall_s']:.2f} |", False


def labels_of(
    scan: ScanToProfile, system: str, weights: tuple[str, ...], engine: EngineRequest, folder: Path, *, warm_runs: int
) -> tuple[np.ndarray, CaseProfile]:
    """The labels of a scan, and what one cold and some warm runs took.

    Raises:
        FlareError: when it could not be segmented.
    """
    target = replace(scan, case=replace(scan.case, labels=folder / "labels" / scan.case.labels.name), ground_truth=None)
    request = ProfileRequest(system, weights, engine, cold_runs=1, warm_runs=warm_runs, networks=False)
    (case,) = profile_scans(request, [target]).cases
    if case.error is not None:
        raise case.error
    return np.asarray(nibabel.load(target.case.labels).dataobj), case


def weights_of(system: str, folder: Path) -> tuple[str, ...]:
    """No choice where the system has weights; else a folder of random ones, always the same."""
    try:
        weighted_system(system)
    except InputError:
        made = folder / "weights" / system
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.gpu_check", "--random-weights", system, str(made)],
            env={**os.environ, "KERAS_BACKEND": "openvino"},
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"no random weights of {system} could be made") from None
        return (str(made),)
    return ()


def write_random_weights(system: str, folder: Path) -> None:
    """Write weights of untrained networks."""
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    for spec in system_named(system).networks:
        keras.utils.set_random_seed(_SEED)
        card = Card(system, spec.key, "random", "untrained", "random numbers", "CC0-1.0", "2026-01-01", "")
        write_weights(folder / f"{spec.key}.weights.h5", card, spec.build().save_weights)


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--systems", nargs="+", choices=SYSTEM_NAMES, default=SYSTEM_NAMES)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=BACKENDS)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=None)
    parser.add_argument("--size", default="256x256x120", help="voxels of the synthetic scan along x, y and z")
    parser.add_argument("--minutes", type=float, default=7.0, help="no row begins after that")
    parser.add_argument("--without-training", action="store_true", help="leave out updates of a training")
    parser.add_argument("--random-weights", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.precisions is None:  # a processor has no float16 networks
        options.precisions = PRECISIONS if options.device == "gpu" else PRECISIONS[:1]
    if options.random_weights:
        write_random_weights(options.random_weights[0], Path(options.random_weights[1]))
        sys.exit()
    return options


if __name__ == "__main__":
    main()
