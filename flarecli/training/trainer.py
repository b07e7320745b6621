"""Trains one network on a stream of samples; can be stopped at any time and resumed."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from flarecli.atomic import atomic_path
from flarecli.errors import FlareError
from flarecli.training.checkpoint import load_checkpoint, save_checkpoint
from flarecli.training.recipes import Recipe
from flarecli.training.samples import Sample
from flarecli_models.data_format import channel_axis, resolved_data_format
from flarecli_models.losses import generalized_dice, sigmoid_cross_entropy

CHECKPOINT_SECONDS = 120.0


def train(
    build: Callable[[], keras.Model],
    recipe: Recipe,
    samples: Iterator[Sample],
    run_dir: Path,
    report: Callable[[int, dict[str, float]], None],
) -> None:
    """Train a network to the end of its recipe, from the checkpoint in `run_dir` where there is one.

    Writes `checkpoint.npz`, `losses.csv` and, every time, `ema.weights.h5` (the moving average, for release).

    Args:
        build: Makes the untrained model, for any input size.
        recipe: What to do.
        samples: Endless stream of samples of the recipe's shape.
        run_dir: Folder of the run; made where it does not exist.
        report: Called after every step with its number and its losses.

    Raises:
        FlareError: when the loss is no longer finite; the last good checkpoint stays.
    """
    axis = channel_axis(resolved_data_format(None))
    model = build()
    _penalise_kernels(model, recipe.weight_decay)
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                0.0,
                decay_steps=recipe.iterations - recipe.warmup,
                warmup_target=recipe.learning_rate,
                warmup_steps=recipe.warmup,
            ),
            global_clipnorm=1.0,
            use_ema=True,
            ema_momentum=recipe.ema_decay,
        ),
        loss=_losses(recipe, axis),
    )
    run_dir.mkdir(parents=True, exist_ok=True)
    checkpoint = run_dir / "checkpoint.npz"
    done = load_checkpoint(checkpoint, model) if checkpoint.exists() else 0

    saved = time.monotonic()
    with (run_dir / "losses.csv").open("a", newline="", encoding="utf-8") as log:
        writer = csv.writer(log)
        for iteration in range(done + 1, recipe.iterations + 1):
            sample = next(samples)
            image, target = _batch(sample, _classes(model), axis)
            losses = model.train_on_batch(image, _targets(model, target), return_dict=True)
            losses = {name: float(value) for name, value in losses.items()}
            if not np.isfinite(losses["loss"]):
                raise FlareError(
                    "the training diverged",
                    path=run_dir,
                    seen=f"loss {losses['loss']} at iteration {iteration}",
                    remedy="Start again from the last checkpoint, which is good; lower the learning rate if it recurs.",
                )
            model.reset_metrics()
            writer.writerow([iteration, *losses.values()])
            report(iteration, losses)
            if time.monotonic() - saved > CHECKPOINT_SECONDS or iteration == recipe.iterations:
                log.flush()
                save_checkpoint(checkpoint, model, iteration)
                save_averaged_weights(run_dir / "ema.weights.h5", model, build)
                saved = time.monotonic()


def save_averaged_weights(path: Path, model: keras.Model, build: Callable[[], keras.Model]) -> None:
    """Write the moving average of the weights as a Keras weights file, atomically; the model keeps its own."""
    current = model.get_weights()
    model.optimizer.finalize_variable_values(model.trainable_variables)
    averaged = build()
    averaged.set_weights(model.get_weights())
    model.set_weights(current)
    with atomic_path(path) as temporary:
        averaged.save_weights(temporary)


def _losses(recipe: Recipe, axis: int) -> Any:
    if recipe.network == "localization":
        return partial(generalized_dice, channel_axis=axis, from_logits=True)
    return {
        "final": partial(generalized_dice, channel_axis=axis, skip_absent=True),
        "local": sigmoid_cross_entropy,
        "spatial": sigmoid_cross_entropy,
    }


def _penalise_kernels(model: keras.Model, weight_decay: float) -> None:
    """Add the L2 penalty to the kernels of all 3x3x3 convolutions, not to the prediction layers."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv3D) and layer.kernel_size == (3, 3, 3):
            layer.kernel.regularizer = keras.regularizers.L2(weight_decay)


def _classes(model: keras.Model) -> int:
    outputs = model.output.values() if isinstance(model.output, dict) else [model.output]
    return int(next(iter(outputs)).shape[channel_axis(resolved_data_format(None))])


def _batch(sample: Sample, classes: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    image = np.expand_dims(sample.image[None], axis)
    target = np.moveaxis(np.eye(classes, dtype=np.float32)[sample.labels][None], -1, axis)
    return image, target


def _targets(model: keras.Model, target: np.ndarray) -> Any:
    return dict.fromkeys(model.output, target) if isinstance(model.output, dict) else target
