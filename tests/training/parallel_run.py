"""One process of a training by several: `torchrun --nproc-per-node 2 -m tests.training.parallel_run RUN SETTINGS`.

SETTINGS is JSON: `batch`, `iterations`, `stop_after`, `dropout` and `select`; without torchrun it is one process.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from flarecli.training.data import CachedData
from flarecli.training.folds import Split
from flarecli.training.learning.loop import Callbacks
from flarecli.training.machine import Machine
from flarecli.training.parallel.group import leave_group
from flarecli.training.recipe import LossSettings, OptimiserSettings, ValidationSettings
from flarecli.training.run import RunOptions, run_training
from tests.training import small
from tests.training.small_scans import fake_cache

SPLIT = Split(("case_000", "case_002", "case_004"), ("case_001", "case_003", "case_005"))


def build(shape_zyx: Any = (None, None, None), *, dropout: float) -> Any:
    """Convolutions with batch normalisation and dropout; one output of five classes."""
    import keras

    from flarecli_models.data_format import channel_axis, input_shape, resolved_data_format

    layout = resolved_data_format(None)
    image = keras.Input(input_shape(shape_zyx, 1, layout), name="image")
    features = keras.layers.Conv3D(6, 3, padding="same", data_format=layout, activation="relu", name="features")(image)
    if dropout:
        features = keras.layers.BatchNormalization(axis=channel_axis(layout), name="normalisation")(features)
        features = keras.layers.Dropout(dropout, name="dropout")(features)
    return keras.Model(image, keras.layers.Conv3D(5, 1, data_format=layout, name="classes")(features), name="plain")


def train(run: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Train, and tell what this process found."""
    recipe = replace(
        small.recipe(),
        loss=LossSettings("cross_entropy"),
        target="classes",
        optimiser=OptimiserSettings(learning_rate=1e-2, ema_decay=0.5, l2=1e-4),
        validation=ValidationSettings(interval=5, scans=3, select=settings.get("select", "dice")),
        batch=settings["batch"],
        devices=settings.get("devices", 1),
        iterations=settings["iterations"],
    )
    seen: list[int] = []
    stop_after = settings.get("stop_after", 0)
    # Only the last of the processes wants to stop: all of them must.
    stops = os.environ.get("RANK", "0") == str(int(os.environ.get("WORLD_SIZE", "1")) - 1)
    callbacks = Callbacks(
        on_progress=lambda progress: seen.append(progress.done),
        should_stop=lambda: bool(stops and stop_after and seen and seen[-1] >= stop_after),
    )
    finished = run_training(
        run,
        recipe,
        CachedData(recipe, fake_cache(6), SPLIT),
        seed=5,
        machine=Machine("torch", "cpu", threads=1, workers=0),
        options=RunOptions(checkpoint_every=4),
        callbacks=callbacks,
        spec=replace(small.SPEC, build=lambda *shape: build(*shape, dropout=settings.get("dropout", 0.0)), output=None),
    )
    leave_group()
    told = None if finished is None else [result.name for result in finished.scores]
    return {"rank": os.environ.get("RANK", "0"), "scored": told, "updates": seen, "threads_left": group_threads()}


def group_threads() -> list[str]:
    """Names of the threads of the group's messages, where the system tells names."""
    names = (path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm"))
    return [name for name in names if "gloo" in name]


if __name__ == "__main__":
    print(json.dumps(train(Path(sys.argv[1]), json.loads(sys.argv[2]))), flush=True)
