"""A whole training run: samples, training, validation, weights with their card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flarecli.engine import Runtime, load_network
from flarecli.errors import UsageError
from flarecli.files.atomic import scratch_folder, write_json
from flarecli.matplotlib_import import has_matplotlib
from flarecli.metrics.protocol import Metric
from flarecli.systems.base import NetworkSpec
from flarecli.training.checks import check_recipe
from flarecli.training.data import TrainingData
from flarecli.training.learning.loop import Callbacks, Validation, restored_state, train
from flarecli.training.learning.run_folder import RunFolder
from flarecli.training.machine import Machine
from flarecli.training.overrides import settings_of
from flarecli.training.preparation import Prepared, network_spec, prepare
from flarecli.training.recipe import Recipe
from flarecli.training.run_card import FINAL_METRICS, run_card
from flarecli.training.samples.loader import SampleLoader
from flarecli.training.scoring import CaseScores, score_scans
from flarecli.training.targets import Target
from flarecli.weights.card import WEIGHTS_SUFFIX, Card, read_card
from flarecli.weights.release import release_weights


@dataclass(frozen=True)
class RunOptions:
    """Options of a run that do not change its recipe.

    Attributes:
        checkpoint_every: Iterations between checkpoints; two minutes where None.
        tensorboard: Whether to log for TensorBoard.
        initial_weights: Weights to start from, as `flare predict --weights` takes them.
    """

    checkpoint_every: int | None = None
    tensorboard: bool = False
    initial_weights: str | None = None


@dataclass(frozen=True)
class Finished:
    """Result of a completed run.

    Attributes:
        weights: The released weights.
        card: Their card.
        scores: Of each held-out scan.
    """

    weights: Path
    card: Card
    scores: tuple[CaseScores, ...]


def run_training(
    run: Path,
    recipe: Recipe,
    data: TrainingData,
    seed: int,
    machine: Machine,
    options: RunOptions | None = None,
    callbacks: Callbacks | None = None,
    spec: NetworkSpec | None = None,
) -> Finished | None:
    """Train a network, or resume an interrupted run, and write its weights with their card.

    Args:
        run: Folder of the run.
        recipe: The recipe.
        data: The data.
        seed: Seed of all random numbers.
        machine: Backend, device and processes.
        options: Checkpoints, logs and initial weights.
        callbacks: Functions to call; one of them may stop the run.
        spec: The network; the one that the recipe names where None.

    Returns:
        The result; None when the run was stopped.

    Raises:
        UsageError: for a recipe that contradicts itself, and for a folder that holds another run.
        FlareError: when the training diverged.
    """
    options, callbacks = options or RunOptions(), callbacks or Callbacks()
    spec = spec or network_spec(recipe.system, recipe.network, recipe.view.input_shape)
    check_recipe(recipe)
    _check_selection(recipe, data)
    folder = RunFolder(run)
    runtime = machine.start(recipe.precision)
    folder.begin(_plan(recipe, data, seed, runtime, options))
    if folder.scores.exists():
        return _finished_before(folder, recipe)

    callbacks.on_stage("building the network")
    prepared = prepare(
        recipe, spec, runtime, seed, options.initial_weights, is_rendered_on_device=data.is_rendered_on_device
    )
    state = restored_state(prepared.model, folder)
    callbacks.on_stage("making the first samples")
    first_sample = state.done * recipe.batch * recipe.accumulate
    with SampleLoader(
        data.stream(seed), first_sample, machine.worker_count, should_stop=callbacks.should_stop
    ) as loader:
        is_complete = train(
            prepared.model,
            recipe,
            iter(loader),
            folder,
            state,
            validate=_Validator(recipe, data, prepared) if data.has_validation else None,
            organ_names=Target(recipe.target).organ_names,
            callbacks=callbacks,
            checkpoint_every=options.checkpoint_every,
            tensorboard=options.tensorboard,
        )
    if not is_complete:
        return None

    from flarecli.training.curves import draw_curves

    if has_matplotlib():  # the numbers are in the tables
        draw_curves(folder.curves, folder.losses, folder.validations)
    callbacks.on_stage("scoring the weights on held-out scans")
    is_best = recipe.validation.select != "last"
    trained = folder.best_weights if is_best else folder.averaged_weights
    scores = _released_scores(trained, recipe, data, spec, runtime, prepared)
    card = run_card(
        recipe,
        data,
        runtime,
        seed=seed,
        hours=state.seconds / 3600,
        iteration=state.best_iteration if is_best else state.done,
        set_name=run.resolve().name,
        scores=scores,
    )
    released = release_weights(trained, run, card)
    write_json(folder.scores, [_as_dict(result, recipe) for result in scores])
    return Finished(released, read_card(released), tuple(scores))


class _Validator:
    """Validates the current weights of a model on held-out scans."""

    def __init__(self, recipe: Recipe, data: TrainingData, prepared: Prepared) -> None:
        self._recipe = recipe
        self._data = data
        self._builder = prepared.builder
        self._network = prepared.model.as_network()

    def __call__(self) -> Validation:
        settings, target = self._recipe.validation, Target(self._recipe.target)
        results = score_scans(
            self._data.validation_scans(settings.scans),
            self._network,
            self._builder,
            self._recipe.view,
            target,
            with_cross_entropy=settings.select == "cross_entropy",
        )
        columns = zip(*(result.scores[Metric.DSC] for result in results), strict=True)
        dice = {name: sum(column) / len(column) for name, column in zip(target.organ_names, columns, strict=True)}
        return Validation(dice, sum(result.cross_entropy for result in results) / len(results))


def _released_scores(
    trained: Path, recipe: Recipe, data: TrainingData, spec: NetworkSpec, runtime: Runtime, prepared: Prepared
) -> list[CaseScores]:
    """The scores of the released weights, which are in half precision."""
    if not data.has_validation:
        return []
    with scratch_folder(trained.parent) as scratch:
        card = Card(recipe.system, recipe.network, "", "", "", "", "", "")
        released = release_weights(trained, scratch, card)
        network = load_network(spec.build, released, replace(runtime, precision="float32"), spec.output)
    scans = data.final_scans(recipe.validation.scans)
    return score_scans(scans, network, prepared.builder, recipe.view, Target(recipe.target), metrics=FINAL_METRICS)


def _check_selection(recipe: Recipe, data: TrainingData) -> None:
    if recipe.validation.select != "last" and not data.has_validation:
        raise UsageError(
            "the best weights cannot be chosen without held-out cases",
            seen=f'validation.select = "{recipe.validation.select}"',
            remedy='Hold some out (--fold 1, or validation.held_out_share above 0), or set validation.select = "last".',
        )


def _plan(recipe: Recipe, data: TrainingData, seed: int, runtime: Runtime, options: RunOptions) -> Mapping[str, Any]:
    """What must be the same when a run is resumed."""
    return {
        "system": recipe.system,
        "network": recipe.network,
        "recipe": recipe.name,
        "settings": settings_of(recipe),
        "seed": seed,
        "backend": runtime.backend,
        "precision": runtime.precision,
        "initial_weights": options.initial_weights,
        "data": data.facts,
    }


def _as_dict(result: CaseScores, recipe: Recipe) -> dict[str, Any]:
    organs = Target(recipe.target).organ_names
    scores = {metric.value: dict(zip(organs, values, strict=True)) for metric, values in result.scores.items()}
    return {"name": result.name, "scores": scores}


def _finished_before(folder: RunFolder, recipe: Recipe) -> Finished:
    """The result of an earlier call."""
    weights = folder.path / f"{recipe.network}{WEIGHTS_SUFFIX}"
    organs = Target(recipe.target).organ_names
    results = [
        CaseScores(
            entry["name"],
            {Metric(metric): tuple(values[name] for name in organs) for metric, values in entry["scores"].items()},
            float("nan"),
        )
        for entry in json.loads(folder.scores.read_text(encoding="utf-8"))
    ]
    return Finished(weights, read_card(weights), tuple(results))
