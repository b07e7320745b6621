"""A whole training run on synthetic scans: stream, training, validation, weights with their card."""

from __future__ import annotations

import datetime
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.engine import Runtime, load_network, start_runtime
from flarecli.errors import UsageError
from flarecli.organs import LABEL_NAMES
from flarecli.systems import system_named
from flarecli.systems.base import NetworkSpec
from flarecli.training.recipes import STARTER_RECIPES, Recipe
from flarecli.training.sample_stream import SampleStream
from flarecli.weights.card import Card, read_card
from flarecli.weights.release import release_weights

HELD_OUT_SCANS = 20


@dataclass(frozen=True)
class TrainingRequest:
    """What the user asked for.

    Attributes:
        run: Folder of the run.
        system: Name of the system.
        network: Key of the network.
        backend: "tensorflow" or "torch".
        device: "auto", "cpu" or "gpu".
        threads: Processor threads, all where None.
        iterations: Steps in place of the recipe's.
        seed: Seed of the synthetic scans.
    """

    run: Path
    system: str
    network: str
    backend: str = "tensorflow"
    device: str = "auto"
    threads: int | None = None
    iterations: int | None = None
    seed: int = 0


def train_on_phantoms(
    request: TrainingRequest, report: Callable[[int, int, dict[str, float]], None]
) -> tuple[Path, Card]:
    """Train a network on synthetic scans, or go on with an interrupted run, and write its weights.

    Args:
        request: What to train, where and on what.
        report: Told after each step its number, the number of steps in all, and the losses.

    Returns:
        The weights file and its card.

    Raises:
        UsageError: for a backend that cannot train, or a network without a recipe.
        InstallationError: when the backend is not installed.
    """
    if request.backend not in ("tensorflow", "torch"):
        raise UsageError(
            "this backend cannot train",
            seen=request.backend,
            expected="tensorflow or torch",
            remedy="Choose one of those with --backend.",
        )
    recipe, spec = _recipe(request)
    runtime = start_runtime(request.backend, request.device, "float32", request.threads)

    from flarecli.training.trainer import train

    started = time.monotonic()
    # Each call draws other scans, so that a run that was interrupted does not see its first ones again.
    stream_seed = int(np.random.SeedSequence([request.seed, time.time_ns()]).generate_state(1)[0])
    with SampleStream(recipe, stream_seed) as stream:
        train(
            spec.build,
            recipe,
            iter(stream),
            request.run,
            lambda iteration, losses: report(iteration, recipe.iterations, losses),
        )
    averaged = request.run / "ema.weights.h5"
    scores = _held_out_scores(spec, recipe, averaged, runtime)
    card = Card(
        system=request.system,
        network=request.network,
        set_name=request.run.name,
        title=f"{request.system}/{request.network} trained on synthetic scans alone for {recipe.iterations} steps",
        source="flare train, on scans of flare's phantom generator",
        licence="Apache-2.0",
        date=datetime.date.today().isoformat(),
        sha256="",
        details={
            "recipe": asdict(recipe),
            "runtime": runtime.as_dict(),
            "processor": platform.processor() or platform.machine(),
            "hours_of_last_call": round((time.monotonic() - started) / 3600, 2),
            "held_out_synthetic_dsc": scores,
            "not_for": "clinical use; not validated on patients",
        },
    )
    written = release_weights(averaged, request.run, card)
    return written, read_card(written)


def _recipe(request: TrainingRequest) -> tuple[Recipe, NetworkSpec]:
    for recipe in STARTER_RECIPES:
        if (recipe.system, recipe.network) == (request.system, request.network):
            specs = {spec.key: spec for spec in system_named(request.system).networks}
            steps = request.iterations or recipe.iterations
            return replace(recipe, iterations=steps, warmup=min(recipe.warmup, steps // 2)), specs[recipe.network]
    raise UsageError(
        "there is no training recipe for this network",
        seen=f"{request.system}/{request.network}",
        expected=", ".join(f"{recipe.system}/{recipe.network}" for recipe in STARTER_RECIPES),
        remedy="Choose --system and --network of one of those.",
    )


def _held_out_scores(spec: NetworkSpec, recipe: Recipe, weights: Path, runtime: Runtime) -> dict[str, Any]:
    """Mean Dice by class on held-out scans, for the card."""
    from flarecli.training.validation import held_out_dice

    network = load_network(spec.build, weights, runtime, spec.output)
    rows = held_out_dice(network, recipe, HELD_OUT_SCANS)
    names = ["any organ"] if rows.shape[1] == 1 else [LABEL_NAMES[label] for label in range(1, rows.shape[1] + 1)]
    means = np.nanmean(rows, axis=0)
    return {
        "scans": HELD_OUT_SCANS,
        **{name: round(float(mean), 3) for name, mean in zip(names, means, strict=True)},
    }
