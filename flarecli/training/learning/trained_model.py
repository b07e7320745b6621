"""A network under training, one update at a time, and its averaged weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from flarecli.engine import Runtime
from flarecli.engine.keras_model import model_with_weights
from flarecli.engine.networks import network_of
from flarecli.errors import UsageError
from flarecli.files.atomic import atomic_path
from flarecli.files.room import reserve_room
from flarecli.systems.base import Network, NetworkSpec
from flarecli.training.learning.checkpoint import load_checkpoint, save_checkpoint
from flarecli.training.learning.losses import compiled_losses
from flarecli.training.learning.optimiser import make_optimiser, penalise_kernels
from flarecli.training.parallel.group import Group
from flarecli.training.randomness import Purpose, derived_seed
from flarecli.training.recipe import Recipe
from flarecli.training.samples.batches import Batches
from flarecli.training.targets import Target
from flarecli_models.data_format import channel_axis, resolved_data_format

FINAL_OUTPUT = "final"
"""Name of the output that is used for prediction, in models with several."""

_BOOKKEEPING_BYTES = 1_000_000
"""Upper bound for the metadata of a weights file."""


class TrainedModel:
    """A model under training.

    Args:
        spec: The network.
        recipe: How it is trained.
        runtime: Backend, device and precision, as `start_runtime` gave them.
        builder: Makes its inputs.
        seed: Seed of dropout.
        initial_weights: Weights file to start from.
        group: The processes that train it together; this one alone where None.

    Raises:
        UsageError: for settings of the recipe that are unknown or exclude each other.
        InputError: when the initial weights do not fit.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        recipe: Recipe,
        runtime: Runtime,
        builder: Batches,
        seed: int,
        initial_weights: Path | None = None,
        group: Group | None = None,
    ) -> None:
        self._group = group or Group()
        self._spec = spec
        self._recipe = recipe
        self._runtime = runtime
        self._builder = builder
        self._seed = seed
        if runtime.backend == "tensorflow":
            _keep_order_of_sums()
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("float32" if runtime.precision == "float32" else f"mixed_{runtime.precision}")
        try:
            self.model: keras.Model = (spec.build_for_training or spec.build)()
        except ValueError as error:
            raise UsageError(
                "the network cannot be built for the size of its samples",
                seen=error,
                remedy="Correct the size in the recipe's view.",
            ) from error
        finally:
            keras.config.set_dtype_policy(policy)
        if initial_weights is not None:
            _copy_common_weights(model_with_weights(spec.build, initial_weights, runtime), self.model)
        if runtime.backend == "torch":
            from flarecli_models.torch_convolution import quicken_convolutions

            quicken_convolutions(self.model)
        penalise_kernels(self.model, recipe.optimiser.l2, without_pointwise=recipe.optimiser.l2_without_pointwise)
        losses, weights = compiled_losses(recipe.loss, Target(recipe.target), channel_axis(resolved_data_format(None)))
        self.model.compile(
            optimizer=make_optimiser(recipe, runtime.precision),
            loss=losses,
            loss_weights=weights,
            # Samples may differ in size, and each size would be compiled again.
            jit_compile=False,
        )
        # TensorFlow traces an update before Keras would build what an optimiser remembers from step to step.
        self.model.optimizer.build(self.model.trainable_variables)
        if self._group.size > 1:
            from flarecli.training.parallel.gradients import share_gradients

            share_gradients(self.model, self._group)
        self._output_names = list(self.model.output) if isinstance(self.model.output, dict) else None
        self._losses_built = False

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the losses that `update` returns, the total first."""
        if self._output_names is None:
            return ("loss",)
        return ("loss", *(f"{name}_loss" for name in self._output_names))

    def update(self, batches: Sequence[Sequence[Any]], iteration: int) -> dict[str, float]:
        """Update the weights once, with the gradients of all batches, of all processes, together; the mean losses.

        Args:
            batches: The samples.
            iteration: Number of the update.
        """
        if self._runtime.backend == "torch":
            import torch

            # Keras' dropout draws from PyTorch's own generator there, which no checkpoint of a model holds.
            number = iteration * self._group.size + self._group.rank  # each process drops others
            torch.manual_seed(derived_seed(self._seed, Purpose.UPDATE, number))
        sums = dict.fromkeys(self.loss_names, 0.0)
        for samples in batches:
            images, values = self._builder.batch(samples)
            self._check_shape(images.shape)
            targets: Any = values if self._output_names is None else dict.fromkeys(self._output_names, values)
            if not self._losses_built:
                self._build_losses(targets)
            losses = self.model.train_on_batch(images, targets, return_dict=True)
            self.model.reset_metrics()
            for name in sums:
                sums[name] += float(losses[name])
        if self._group.size > 1:
            from flarecli.training.parallel.gradients import average_statistics

            average_statistics(self.model, self._group)
        means = self._group.mean([total / len(batches) for total in sums.values()])
        return dict(zip(sums, means, strict=True))

    def _build_losses(self, targets: Any) -> None:
        """Have Keras make the means of the outputs' losses, from one voxel.

        Keras would run the whole network on tensors without values for them, for which PyTorch imports its compiler, in
        seconds. Made while TensorFlow traces the first update, they would have it traced twice, in tens of seconds for
        a large network.
        """
        axis = channel_axis(resolved_data_format(None))

        def voxel(array: Any) -> Any:
            """The first voxel of the first sample, with all channels."""
            kept = [slice(1)] * array.ndim
            kept[axis] = slice(None)
            return array[tuple(kept)]

        def prediction(output: Any) -> Any:
            """Of one voxel, for each class 0."""
            shape = [1] * len(output.shape)
            shape[axis] = output.shape[axis]
            return keras.ops.zeros(shape, output.dtype)

        self.model.compute_loss(
            y=keras.tree.map_structure(voxel, targets),
            y_pred=keras.tree.map_structure(prediction, self.model.output),
        )
        self.model.reset_metrics()
        self._losses_built = True

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        wanted = tuple(self.model.inputs[0].shape)
        if any(size is not None and size != seen for size, seen in zip(wanted, shape, strict=True)):
            raise UsageError(
                "the samples do not fit the network",
                seen=f"a batch of shape {shape}",
                expected=f"{wanted}",
                remedy="Correct the size in the recipe's view, or its first stage.",
            )

    def save(self, folder: Path, iteration: int, facts: dict[str, Any]) -> None:
        """Write a checkpoint; see `save_checkpoint`."""
        save_checkpoint(folder, self.model, iteration, facts)

    def restore(self, path: Path) -> tuple[int, dict[str, Any]]:
        """Go back to a checkpoint; see `load_checkpoint`."""
        return load_checkpoint(path, self.model)

    def take_state_of_first(self) -> None:
        """Go on from what the first of the processes has."""
        if self._group.size > 1:
            from flarecli.training.parallel.gradients import state_from_first

            state_from_first(self.model, self._group)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block the model has the moving average of its weights, where the recipe keeps one."""
        if not self._recipe.optimiser.ema_decay:
            yield
            return
        current = [np.array(variable.numpy()) for variable in self.model.trainable_variables]
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        try:
            yield
        finally:
            for variable, values in zip(self.model.trainable_variables, current, strict=True):
                variable.assign(values)

    def as_network(self) -> Network:
        """The model as it predicts, with the weights it has when it is called."""
        output = self._spec.output or (FINAL_OUTPUT if self._output_names else None)
        return network_of(self.model, self._runtime, output)

    def write_weights(self, path: Path) -> None:
        """Write the present weights as the model that predicts has them, atomically.

        Raises:
            ValueError: when the two models of the network do not name their layers alike.
        """
        release = self._spec.build()
        missing = {layer.name for layer in release.layers if layer.weights} - {
            layer.name for layer in self.model.layers
        }
        if missing:
            raise ValueError(f"the model that predicts has layers (={', '.join(sorted(missing))}) that are not trained")
        _copy_common_weights(self.model, release)
        with atomic_path(path) as temporary:
            reserve_room(temporary, _BOOKKEEPING_BYTES + sum(weight.nbytes for weight in release.get_weights()))
            release.save_weights(temporary)


def _keep_order_of_sums() -> None:
    """Have TensorFlow add in the order of the program.

    Its optimiser of graphs turns a chain of additions into one operation, which begins with whichever input is free
    first: the last digit of the total loss depended on how busy the machine was.
    """
    import tensorflow

    tensorflow.config.optimizer.set_experimental_options({"arithmetic_optimization": False})


def _copy_common_weights(source: keras.Model, destination: keras.Model) -> None:
    """Copy weights between two models of one network, by the names of layers; either may have more of these."""
    known = {layer.name: layer for layer in source.layers}
    for layer in destination.layers:
        if layer.weights and layer.name in known:
            layer.set_weights(known[layer.name].get_weights())
