"""A small network and recipes for it, for the tests of training; the backend is imported when the network is built."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    import keras

BACKEND = os.environ["KERAS_BACKEND"]

needs_training = pytest.mark.skipif(BACKEND in ("openvino", "jax"), reason="OpenVINO and JAX do not train here")


def build(shape_zyx: tuple[int | None, int | None, int | None] = (None, None, None)) -> keras.Model:
    """Three convolutions with the outputs of EfficientSCN's segmentation network, and with dropout."""
    import keras

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


def losses(run: Path) -> list[list[str]]:
    """The rows of a run's log up to the losses, as written."""
    import csv

    with (run / "losses.csv").open(encoding="utf-8") as file:
        return [row[:-2] for row in csv.reader(file)][1:]


def main(run: str, checkpoint_every: str) -> None:
    """Train with one process that makes samples; prints the number of each iteration."""
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
        machine=Machine(BACKEND, "cpu", workers=1),
        options=RunOptions(int(checkpoint_every)),
        callbacks=Callbacks(on_progress=lambda progress: print(progress.done, flush=True)),
        spec=SPEC,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
