"""A whole training run: samples, training, validation, weights with their card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from flarecli.engine import Runtime, load_network
from flarecli.errors import UsageError
from flarecli.files.atomic import scratch_folder, write_json
from flarecli.matplotlib_import import has_matplotlib
from flarecli.metrics.protocol import Metric
from flarecli.systems.base import NetworkSpec
from flarecli.training.checks import check_recipe, check_sizes
from flarecli.training.data import TrainingData
from flarecli.training.given_weights import GivenWeights, given_weights, seen_warnings
from flarecli.training.learning.loop import Callbacks, State, Validation, restored_state, train
from flarecli.training.learning.run_folder import CHECKSUMS, RunFolder
from flarecli.training.machine import Machine
from flarecli.training.overrides import settings_of
from flarecli.training.parallel.group import Group, joined_group
from flarecli.training.parallel.shared_scores import shared_scores
from flarecli.training.parallel.shared_stream import SharedStream, recipe_of_group, recipe_of_process
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

    Of several processes that torchrun started each takes its share of samples and held-out scans; the first one writes.

    Returns:
        The result, in every process; None when the run was stopped.

    Raises:
        UsageError: for a recipe that contradicts itself, and for a folder that holds another run, that another process
            trains in, or that not all processes see.
        FlareError: when the training diverged.
    """
    options, callbacks = options or RunOptions(), callbacks or Callbacks()
    spec = spec or network_spec(recipe.system, recipe.network, recipe.view.input_shape, recipe.base_filters)
    check_recipe(recipe)
    check_sizes(recipe, spec)
    _check_selection(recipe, data)
    folder = RunFolder(run)
    runtime = machine.start(recipe.precision)
    group = joined_group(runtime)
    recipe = recipe_of_group(recipe, group.size)
    with folder.locked() if group.is_first else nullcontext():
        return _trained(folder, recipe, data, seed, machine, options, callbacks, spec, runtime, group)


def _trained(
    folder: RunFolder,
    recipe: Recipe,
    data: TrainingData,
    seed: int,
    machine: Machine,
    options: RunOptions,
    callbacks: Callbacks,
    spec: NetworkSpec,
    runtime: Runtime,
    group: Group,
) -> Finished | None:
    """The run in its folder, which no other process uses."""
    given = given_weights(recipe, options.initial_weights)
    checksums = {**data.checksums, **{weights.role: weights.card.sha256 for weights in given}}
    if group.is_first:
        folder.begin({**_plan(recipe, data, seed, runtime, options, group), CHECKSUMS: checksums})
        for warning in (*data.warnings, *seen_warnings(given, data.held_out_cases)):
            callbacks.on_warning(warning)
    _check_common_folder(folder, group)
    if group.from_first(folder.scores.exists()):
        return _finished_before(folder, recipe)

    callbacks.on_stage("building the network")
    share = recipe_of_process(recipe, group.size)
    prepared = prepare(
        share,
        spec,
        runtime,
        seed,
        given,
        is_rendered_on_device=data.is_rendered_on_device,
        group=group,
    )
    state = restored_state(prepared.model, folder, group)
    callbacks.on_stage("making the first samples")
    first_sample = state.done * share.batch * share.accumulate
    stream = data.stream(seed)
    if group.size > 1:
        stream = SharedStream(stream, share.batch, group.rank, group.size)
    with SampleLoader(stream, first_sample, machine.worker_count, should_stop=callbacks.should_stop) as loader:
        is_complete = train(
            prepared.model,
            share,
            iter(loader),
            folder,
            state,
            validate=_Validator(recipe, data, prepared, group) if _is_validated(recipe, data) else None,
            organ_names=Target(recipe.target).organ_names,
            callbacks=callbacks,
            checkpoint_every=options.checkpoint_every,
            tensorboard=options.tensorboard,
            group=group,
        )
    if not is_complete:
        return None

    if group.is_first and has_matplotlib():  # the numbers are in the tables
        try:
            from flarecli.training.curves import draw_curves

            draw_curves(folder.curves, folder.losses, folder.validations)
        except Exception as error:  # the weights are released without it
            callbacks.on_warning(f"no picture of the learning curves: {str(error) or type(error).__name__}")
    callbacks.on_stage("scoring the weights on held-out scans")
    is_best = recipe.validation.select != "last"
    trained = folder.best_weights if is_best else folder.averaged_weights
    group.from_first(None)  # the weights are there
    scores = _released_scores(trained, recipe, data, spec, runtime, prepared, group)
    finished = None
    if group.is_first:
        finished = _released(folder.path, trained, recipe, data, seed, runtime, state, scores, given, checksums)
    released: Finished = group.from_first(finished)
    return released


def _released(
    run: Path,
    trained: Path,
    recipe: Recipe,
    data: TrainingData,
    seed: int,
    runtime: Runtime,
    state: State,
    scores: list[CaseScores],
    given: tuple[GivenWeights, ...],
    checksums: Mapping[str, str],
) -> Finished:
    """Write the weights of a run with their card, and its scores."""
    is_best = recipe.validation.select != "last"
    card = run_card(
        recipe,
        data,
        runtime,
        seed=seed,
        hours=state.seconds / 3600,
        iteration=state.best_iteration if is_best else state.done,
        set_name=run.resolve().name,
        scores=scores,
        checksums=checksums,
        given=given,
    )
    released = release_weights(trained, run, card)
    write_json(RunFolder(run).scores, [_as_dict(result, recipe) for result in scores])
    return Finished(released, read_card(released), tuple(scores))


class _Validator:
    """Validates the current weights of a model on held-out scans."""

    def __init__(self, recipe: Recipe, data: TrainingData, prepared: Prepared, group: Group) -> None:
        self._group = group
        self._recipe = recipe
        self._data = data
        self._builder = prepared.builder
        self._network = prepared.model.as_network()

    def __call__(self) -> Validation:
        settings, target = self._recipe.validation, Target(self._recipe.target)
        results = shared_scores(
            self._group,
            self._data.validation_scans(settings.scans),
            partial(
                score_scans,
                network=self._network,
                builder=self._builder,
                view=self._recipe.view,
                target=target,
                with_cross_entropy=settings.select == "cross_entropy",
            ),
        )
        columns = zip(*(result.scores[Metric.DSC] for result in results), strict=True)
        dice = {name: sum(column) / len(column) for name, column in zip(target.organ_names, columns, strict=True)}
        return Validation(dice, sum(result.cross_entropy for result in results) / len(results))


def _released_scores(
    trained: Path,
    recipe: Recipe,
    data: TrainingData,
    spec: NetworkSpec,
    runtime: Runtime,
    prepared: Prepared,
    group: Group,
) -> list[CaseScores]:
    """The scores of the released weights, which are in half precision."""
    if not data.has_validation:
        return []
    with scratch_folder(trained.parent) as scratch:
        card = Card(recipe.system, recipe.network, "", "", "", "", "", "")
        released = release_weights(trained, scratch, card)
        network = load_network(spec.build, released, replace(runtime, precision="float32"), spec.output)
    return shared_scores(
        group,
        data.final_scans(recipe.validation.scans),
        partial(
            score_scans,
            network=network,
            builder=prepared.builder,
            view=recipe.view,
            target=Target(recipe.target),
            metrics=FINAL_METRICS,
        ),
    )


def _check_common_folder(folder: RunFolder, group: Group) -> None:
    """See that all processes write and read in one folder.

    Raises:
        UsageError: when they do not.
    """
    group.from_first(None)
    if group.highest(not folder.plan.exists()):
        raise UsageError(
            "the folder of the run is not the same one for all processes",
            path=folder.path,
            expected="a folder on a file system that all hosts have",
            remedy="Choose another folder for the run.",
        )


def _is_validated(recipe: Recipe, data: TrainingData) -> bool:
    """Whether weights are validated during the run; held-out cases are scored at its end in any case."""
    return data.has_validation and recipe.validation.scans > 0


def _check_selection(recipe: Recipe, data: TrainingData) -> None:
    if recipe.validation.select != "last" and not _is_validated(recipe, data):
        raise UsageError(
            "the best weights cannot be chosen without held-out cases that they are validated on",
            seen=f'validation.select = "{recipe.validation.select}", validation.scans = {recipe.validation.scans}, '
            f"{'some' if data.has_validation else 'none'} held out",
            remedy='Hold some out (--fold 1, or validation.held_out_share above 0), or set validation.select = "last".',
        )


def _plan(
    recipe: Recipe, data: TrainingData, seed: int, runtime: Runtime, options: RunOptions, group: Group
) -> Mapping[str, Any]:
    """What must be the same when a run goes on; runs of one process are described as before there could be several."""
    settings = settings_of(recipe)
    if recipe.devices == 1:
        del settings["devices"]
    return {
        "system": recipe.system,
        "network": recipe.network,
        "recipe": recipe.name,
        "settings": settings,
        **({"processes": group.size} if group.size > 1 else {}),
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
