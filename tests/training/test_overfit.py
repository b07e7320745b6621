"""Training works at all: a published network learns four small phantoms by heart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from flarecli.metrics.protocol import Metric
from flarecli.phantom import make_phantom
from flarecli.preprocessing.cache import CachedCase
from flarecli.training.data import CachedData
from flarecli.training.folds import Split
from flarecli.training.machine import Machine
from flarecli.training.recipe import SamplingSettings, ValidationSettings
from flarecli.training.recipes import recipe_named
from flarecli.training.run import run_training
from flarecli.training.views import CropView
from tests.training import small

SHAPE = (32, 32, 32)


@dataclass(frozen=True)
class PhantomCache:
    """Phantoms of 10 mm as cases of a cache, in LPS."""

    names: tuple[str, ...] = ("0", "1", "2", "3")
    system: str = "efficientscn"
    networks: tuple[str, ...] = ("localization",)

    def key_of(self, name: str) -> str:
        return name

    def load(self, name: str, network: str) -> CachedCase:
        phantom = make_phantom(int(name), shape_zyx=SHAPE, spacing_mm=(10.0, 10.0, 10.0))
        voxels, labels = (np.ascontiguousarray(array[:, ::-1, ::-1]) for array in (phantom.voxels, phantom.labels))
        return CachedCase(name, voxels, labels, phantom.spacing_mm)


@pytest.mark.slow
@small.needs_training
def test_four_phantoms_are_learnt_by_heart(tmp_path: Path) -> None:
    recipe = recipe_named("efficientscn", "localization", "starter")
    recipe = replace(
        recipe,
        view=CropView(SHAPE, orientation="LPS", multiple=16),
        optimiser=replace(recipe.optimiser, learning_rate=1e-3, ema_decay=0.98),
        schedule=replace(recipe.schedule, warmup=20),
        sampling=SamplingSettings(order="shuffled"),
        validation=ValidationSettings(interval=100),
        iterations=300,
    )
    cache = PhantomCache()
    data = CachedData(recipe, cache, Split(cache.names, cache.names))
    finished = run_training(tmp_path, recipe, data, seed=0, machine=Machine(small.BACKEND, "cpu"))
    assert finished is not None
    dice = [result.scores[Metric.DSC][0] for result in finished.scores]
    assert min(dice) > 0.95
