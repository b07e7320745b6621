"""Builds and compiles the model of a recipe."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flarecli.engine import Runtime, load_network
from flarecli.engine.weights.file import checked_sha256
from flarecli.errors import UsageError
from flarecli.systems import system_named
from flarecli.systems.base import Network, NetworkSpec
from flarecli.training.given_weights import FIRST_STAGE, INITIAL, GivenWeights
from flarecli.training.parallel.group import Group
from flarecli.training.recipe import Recipe

if TYPE_CHECKING:
    from flarecli.training.learning.trained_model import TrainedModel
    from flarecli.training.samples.batches import BatchBuilder, Batches


@dataclass(frozen=True)
class Prepared:
    """A model and the builder of its inputs.

    Attributes:
        model: With new weights, or the initial weights that were given.
        builder: Makes batches.
    """

    model: TrainedModel
    builder: BatchBuilder


def network_spec(
    system: str, network: str, input_shape: tuple[int, ...] | None = None, base_filters: int | None = None
) -> NetworkSpec:
    """A network of a system, for another input size or of another width where these are given.

    Raises:
        UsageError: when the system has none of that name, or the network only one width.
    """
    shapes = {} if input_shape is None else {network: input_shape}
    filters = {} if base_filters is None else {network: base_filters}
    try:
        sized = system_named(system).at_input_shapes(shapes).at_base_filters(filters)
    except ValueError as error:
        raise UsageError(
            "the network cannot be built like this",
            seen=f"input {input_shape}, base_filters {base_filters}",
            expected=error,
            remedy="Correct the size in the recipe's view, or base_filters.",
        ) from error
    specs = {spec.key: spec for spec in sized.networks}
    if network not in specs:
        raise UsageError(
            f"the system {system} has no network of this name",
            seen=network,
            expected=", ".join(specs),
            remedy="Choose one of those.",
        )
    return specs[network]


def prepare(
    recipe: Recipe,
    spec: NetworkSpec,
    runtime: Runtime,
    seed: int,
    given: Iterable[GivenWeights] = (),
    *,
    is_rendered_on_device: bool = False,
    group: Group | None = None,
) -> Prepared:
    """Build and compile the model, and load the networks that it depends on.

    Args:
        recipe: How it is to be trained.
        spec: The network.
        runtime: The backend, started.
        seed: Seed of its first weights and of its dropout.
        given: Weights to start from, and those of the network whose scores are its input: `given_weights(recipe, ...)`.
        is_rendered_on_device: Whether samples are patients whose scans are rendered on the device.
        group: The processes that train it together; this one alone where None.

    Raises:
        UsageError: when scans are to be rendered on another backend than PyTorch.
        InputError: when weights do not fit, or are not those that their card describes.
    """
    from flarecli.training.learning.trained_model import TrainedModel
    from flarecli.training.samples.batches import BatchBuilder
    from flarecli_models.data_format import channel_axis, resolved_data_format

    # Keras draws the seeds of initialisers and dropout from Python's generator. Its own set_random_seed would import
    # TensorFlow on any backend.
    random.seed(seed)
    by_role = {weights.role: weights for weights in given}
    first_stage = _first_stage(recipe, by_role, runtime)
    builder = BatchBuilder(channel_axis(resolved_data_format(None)), first_stage, recipe.first_stage)
    path = None
    if INITIAL in by_role:
        path = by_role[INITIAL].path
        checked_sha256(path, by_role[INITIAL].card.sha256)
    batches = _rendered_batches(recipe, by_role, runtime, seed) if is_rendered_on_device else builder
    return Prepared(TrainedModel(spec, recipe, runtime, batches, seed, path, group), builder)


def _first_stage(recipe: Recipe, given: Mapping[str, GivenWeights], runtime: Runtime) -> Network | None:
    if recipe.first_stage is None:
        return None
    first = given[FIRST_STAGE]
    spec = _spec_of(recipe, first)
    return load_network(
        spec.build, first.path, replace(runtime, precision="float32"), spec.output, sha256=first.card.sha256
    )


def _rendered_batches(recipe: Recipe, given: Mapping[str, GivenWeights], runtime: Runtime, seed: int) -> Batches:
    if runtime.backend != "torch":
        raise UsageError(
            "scans are rendered by PyTorch only",
            seen=f"--backend {runtime.backend} with synthesis.rendered_on_device = true",
            remedy="Use --backend torch, or a recipe whose scans are made beforehand, such as --recipe standard.",
        )
    from flarecli.engine.keras_model import model_with_weights
    from flarecli.training.samples.rendering.batches import rendered_batches

    network = None
    if recipe.first_stage is not None:
        first = given[FIRST_STAGE]
        checked_sha256(first.path, first.card.sha256)
        network = model_with_weights(_spec_of(recipe, first).build, first.path, replace(runtime, precision="float32"))
    return rendered_batches(recipe, seed, runtime.torch_device, network)


def _spec_of(recipe: Recipe, given: GivenWeights) -> NetworkSpec:
    return network_spec(recipe.system, given.card.network, given.card.input_shape, given.card.base_filters)
