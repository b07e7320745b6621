"""Whole runs with the small network, for the tests of runs and of resuming them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flarecli.training.data import CachedData
from flarecli.training.folds import Split
from flarecli.training.learning.loop import Callbacks
from flarecli.training.machine import Machine
from flarecli.training.recipe import Recipe
from flarecli.training.run import Finished, RunOptions, run_training
from tests.training import small
from tests.training.small_scans import fake_cache

HERE = Machine(small.BACKEND, "cpu", workers=0)
SPLIT = Split(("case_000", "case_002"), ("case_001", "case_003"))


def run(folder: Path, recipe: Recipe | None = None, **changes: Any) -> Finished | None:
    """Train for six iterations on two of four small scans, or as the changes say."""
    recipe = recipe or small.recipe()
    arguments = {
        "data": CachedData(recipe, fake_cache(4), SPLIT),
        "seed": 5,
        "machine": HERE,
        "options": RunOptions(checkpoint_every=2),
        "spec": small.SPEC,
        **changes,
    }
    return run_training(folder, recipe, **arguments)


def stop_after(iteration: int) -> Callbacks:
    """Callbacks that stop a run after an iteration."""
    seen: list[int] = []
    return Callbacks(on_progress=lambda progress: seen.append(progress.done), should_stop=lambda: seen[-1] >= iteration)
