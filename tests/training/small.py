"""Small networks, recipes, scans and caches for the tests of training."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from flarecli.systems.base import NetworkSpec
from flarecli.training.recipe import (
    OptimiserSettings,
    Recipe,
    SynthesisSettings,
    ValidationSettings,
)
from flarecli.training.recipes import recipe_named
from flarecli.training.views import CropView
from flarecli.training.views.scan import LabelledScan

BACKEND = keras.backend.backend()

needs_training = pytest.mark.skipif(BACKEND in ("openvino", "jax"), reason="OpenVINO and JAX do not train here")


def build(shape_zyx: tuple[int | None, int | None, int | None] = (None, None, None)) -> keras.Model:
    """Three convolutions with the outputs of EfficientSCN's segmentation network, and with dropout."""
    from flarecli_models.data_format import channel_axis, input_shape, resolved_data_format
    from flarecli_models.layers import EntropyFusion

    layout = resolved_data_format(None)
    image = keras.Input(input_shape(shape_zyx, 1, layout), name="image")
    convolution = keras.layers.Conv3D(8, 3, padding="same", data_format=layout, activation="relu", name="features")
    features = keras.layers.Dropout(0.1, name="dropout")(convolution(image))
    local, spatial = (
        keras.layers.Conv3D(5, 1, data_format=layout, name=f"{name}_prediction")(features)
        for name in ("local", "spatial")
    )
    final = EntropyFusion(channel_axis=channel_axis(layout), name="final")(local, spatial)
    return keras.Model(image, {"final": final, "local": local, "spatial": spatial}, name="small")


SPEC = NetworkSpec("segmentation", build, output="final")


def recipe(**changes: Any) -> Recipe:
    """The starter recipe of EfficientSCN's segmentation, small."""
    small = replace(
        recipe_named("efficientscn", "segmentation", "starter"),
        view=CropView((16, 16, 16), orientation="LPS", multiple=1),
        synthesis=SynthesisSettings((16, 16, 20), (18.0, 18.0, 18.0), reuse=2, mixing=3),
        optimiser=OptimiserSettings(learning_rate=3e-2, ema_decay=0.5, l2=1e-6, l2_without_pointwise=True),
        validation=ValidationSettings(scans=1),
        iterations=6,
    )
    return replace(small, **changes)


def rendered_recipe(**changes: Any) -> Recipe:
    """The small recipe with two sizes of samples, rendered on the device."""
    return recipe(
        view=CropView((16, 16, 16), other_shapes_zyx=((8, 16, 24),), multiple=1, organ_share=1.0),
        synthesis=SynthesisSettings((20, 20, 24), (16.0,) * 3, reuse=3, mixing=2, rendered_on_device=True),
        batch=2,
        **changes,
    )


def labelled_scan(number: int = 0, shape: tuple[int, int, int] = (20, 24, 28), spacing: float = 8.0) -> LabelledScan:
    """Four boxes, each with an intensity of its own, in soft noise."""
    rng = np.random.default_rng(number)
    labels = np.zeros(shape, np.uint8)
    z, y, x = shape
    labels[z // 4 : z // 2, y // 4 : y // 2, x // 8 : x // 2] = 1
    labels[z // 4 : z // 2, y // 2 : 3 * y // 4, x // 4 : x // 2] = 2
    labels[z // 2 : 3 * z // 4, y // 4 : y // 2, x // 2 : 3 * x // 4] = 3
    labels[z // 2 : 3 * z // 4, y // 2 : 3 * y // 4, x // 3 : x // 2] = 4
    hu = np.array([-200, 100, 180, 260, 340])[labels] + rng.normal(0, 5, shape)
    return LabelledScan(number, hu.astype(np.int16), labels, (spacing,) * 3)


@dataclass(frozen=True)
class FakeCase:
    """As `flarecli.preprocessing.cache.CachedCase`."""

    name: str
    image: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class FakeCache:
    """As `flarecli.preprocessing.cache.TrainingCache`, without files."""

    names: tuple[str, ...]
    system: str = "efficientscn"
    networks: tuple[str, ...] = ("localization", "segmentation")
    figures: dict[str, Any] = field(default_factory=dict)
    depth: int = 20

    def load(self, name: str, network: str) -> FakeCase:
        scan = labelled_scan(int(name.split("_")[-1]), (self.depth, 24, 28))
        return FakeCase(name, scan.image, scan.labels, scan.spacing_mm)


def fake_cache(count: int, **changes: Any) -> FakeCache:
    """Cases case_000, case_001, ..."""
    return FakeCache(tuple(f"case_{number:03d}" for number in range(count)), **changes)


def losses(run: Path) -> list[list[str]]:
    """The rows of a run's log up to the losses, as written."""
    import csv

    with (run / "losses.csv").open(encoding="utf-8") as file:
        return [row[:-2] for row in csv.reader(file)][1:]


def main(run: str, workers: str, checkpoint_every: str) -> None:
    """Train in a process of its own; prints the number of each iteration."""
    from flarecli.training.data import SyntheticData
    from flarecli.training.learning.loop import Callbacks
    from flarecli.training.machine import Machine
    from flarecli.training.run import RunOptions, run_training
    from flarecli.training.samples.anatomies import Anatomies

    chosen = recipe(iterations=12)
    run_training(
        Path(run),
        chosen,
        SyntheticData(chosen, Anatomies("phantoms")),
        seed=3,
        machine=Machine(BACKEND, "cpu", 1, int(workers)),
        options=RunOptions(int(checkpoint_every)),
        callbacks=Callbacks(on_progress=lambda progress: print(progress.done, flush=True)),
        spec=SPEC,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
