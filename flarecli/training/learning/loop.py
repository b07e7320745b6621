"""The training loop: takes samples, updates the network, writes checkpoints from which it resumes deterministically."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from flarecli.errors import FlareError
from flarecli.training.learning.checkpoint import checkpoints
from flarecli.training.learning.log import CsvLog, TensorBoardLog
from flarecli.training.learning.run_folder import RunFolder
from flarecli.training.parallel.group import Group
from flarecli.training.recipe import Recipe

if TYPE_CHECKING:
    from flarecli.training.learning.trained_model import TrainedModel

CHECKPOINT_SECONDS = 120.0

_THERE, _ENDED, _FAILED = 0, 1, 2
"""How it is with the samples of a process."""


@dataclass(frozen=True)
class Validation:
    """Result of one validation.

    Attributes:
        dice: Mean DSC of each organ, by name.
        cross_entropy: Mean over the scans, of each the mean over its voxels; NaN where it was not asked for.
    """

    dice: dict[str, float]
    cross_entropy: float

    @property
    def mean_dice(self) -> float:
        """Mean over organs."""
        return sum(self.dice.values()) / len(self.dice)

    def selection_metric(self, select: str) -> float:
        """The metric by which the best weights are selected; greater is better."""
        return -self.cross_entropy if select == "cross_entropy" else self.mean_dice


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Attributes:
        done: Iterations done.
        total: Iterations in all.
        losses: Of the last iteration, the total under "loss".
        waiting_share: Share of the time since the start of this call that was spent waiting for samples.
        rate: Iterations a second since then.
    """

    done: int
    total: int
    losses: dict[str, float]
    waiting_share: float
    rate: float


@dataclass
class Callbacks:
    """Functions that the loop calls.

    Attributes:
        on_progress: After each iteration.
        on_validation: After each validation, with the iteration.
        on_stage: When something that takes time begins, with a description of a few words.
        should_stop: After each iteration; the loop ends where it returns True.
        on_warning: With a sentence that the user should know, before the first iteration or after the last one.
    """

    on_progress: Callable[[Progress], None] = lambda _: None
    on_validation: Callable[[int, Validation], None] = lambda _, __: None
    on_stage: Callable[[str], None] = lambda _: None
    should_stop: Callable[[], bool] = lambda: False
    on_warning: Callable[[str], None] = lambda _: None


@dataclass
class State:
    """State of a run besides the model.

    Attributes:
        done: Iterations done.
        seconds: Time that they took, over all calls.
        best_iteration: After which iteration the best validation was; 0 for none.
        best_metric: Its selection metric.
    """

    done: int = 0
    seconds: float = 0.0
    best_iteration: int = 0
    best_metric: float = -math.inf

    def facts(self) -> dict[str, float | None]:
        """For checkpoints."""
        selection_metric = self.best_metric if math.isfinite(self.best_metric) else None
        return {"seconds": self.seconds, "best_iteration": self.best_iteration, "best_metric": selection_metric}


def restored_state(model: TrainedModel, folder: RunFolder, group: Group | None = None) -> State:
    """Restore a model from the last checkpoint of a run; without a checkpoint it is unchanged.

    Of several processes the first one reads it, and the others take what it has.
    """
    group = group or Group()
    found = checkpoints(folder.checkpoints) if group.is_first else []
    state = State()
    if found:
        done, facts = model.restore(found[-1])
        best = facts["best_metric"] if "best_metric" in facts else facts["best_merit"]
        state = State(done, facts["seconds"], int(facts["best_iteration"]), -math.inf if best is None else best)
    model.take_state_of_first()
    taken: State = group.from_first(state)
    return taken


def train(
    model: TrainedModel,
    recipe: Recipe,
    samples: Iterator[Any],
    folder: RunFolder,
    state: State,
    *,
    validate: Callable[[], Validation] | None = None,
    organ_names: tuple[str, ...] = (),
    callbacks: Callbacks | None = None,
    checkpoint_every: int | None = None,
    tensorboard: bool = False,
    group: Group | None = None,
) -> bool:
    """Train from `state` to the end of the recipe.

    Args:
        model: The model, restored to that state.
        recipe: What to do.
        samples: Begins with sample `state.done * recipe.batch * recipe.accumulate` of the run; ends when the user
            stops the run.
        folder: Where logs and checkpoints go.
        state: State of the run; updated.
        validate: Validates the current weights of the model; None for no validations during the run.
        organ_names: Names of what validations score.
        callbacks: Functions to call.
        checkpoint_every: Iterations between checkpoints; by default two minutes lie between them.
        tensorboard: Whether to log for TensorBoard too.
        group: The processes that train together, each with its samples; the first one writes. This one alone where
            None.

    Returns:
        Whether the recipe was completed; False when it was stopped.

    Raises:
        FlareError: when a loss or weight is no longer finite; the last checkpoint is valid. When samples cannot be
            made; a checkpoint holds the iterations until then.
    """
    callbacks, group = callbacks or Callbacks(), group or Group()
    select = recipe.validation.select
    began = saved = time.monotonic()
    seconds_before, done_before, waited = state.seconds, state.done, 0.0

    def save() -> None:
        if not group.is_first:
            return
        log.flush()
        board.flush()
        state.seconds = seconds_before + time.monotonic() - began
        model.save(folder.checkpoints, state.done, dict(state.facts()))

    def save_what_is_done() -> None:
        if state.done > done_before:
            save()

    columns = (*model.loss_names, "step_s", "wait_s")
    with (
        CsvLog(folder.losses if group.is_first else None, columns, state.done) as log,
        CsvLog(
            folder.validations if group.is_first else None, (*organ_names, "cross_entropy"), state.done
        ) as validations,
        TensorBoardLog(folder.tensorboard if tensorboard and group.is_first else None, state.done) as board,
    ):
        while state.done < recipe.iterations:
            asked = time.monotonic()
            try:
                batches = _common_batches(samples, recipe, group, folder)
            except FlareError:
                save_what_is_done()
                raise
            if batches is None:
                save_what_is_done()
                return False
            received = time.monotonic()
            losses = model.update(batches, state.done + 1)
            finished = time.monotonic()
            _check_finite(losses, state.done + 1, folder)
            state.done += 1
            waited += received - asked
            log.write(state.done, (*losses.values(), finished - received, received - asked))
            board.write(state.done, losses)
            elapsed = finished - began
            callbacks.on_progress(
                Progress(
                    state.done,
                    recipe.iterations,
                    losses,
                    waited / elapsed if elapsed else 0.0,
                    (state.done - done_before) / elapsed if elapsed else 0.0,
                )
            )
            is_last = state.done == recipe.iterations
            due = recipe.validation.interval and state.done % recipe.validation.interval == 0
            if validate is not None and (due or (is_last and select != "last")):
                callbacks.on_stage("validating")
                with model.averaged():
                    found = validate()
                    if found.selection_metric(select) > state.best_metric:
                        state.best_iteration, state.best_metric = state.done, found.selection_metric(select)
                        if select != "last" and group.is_first:
                            model.write_weights(folder.best_weights)
                validations.write(state.done, (*found.dice.values(), found.cross_entropy))
                validations.flush()
                board.write(state.done, {f"validation/{name}": value for name, value in found.dice.items()})
                callbacks.on_validation(state.done, found)
            stops = bool(group.highest(callbacks.should_stop()))
            is_time = time.monotonic() - saved > CHECKPOINT_SECONDS
            if checkpoint_every is not None:
                is_time = state.done % checkpoint_every == 0
            if is_last or stops or is_time:
                save()
                saved = time.monotonic()
            if stops and not is_last:
                return False
    if group.is_first:
        with model.averaged():
            model.write_weights(folder.averaged_weights)
    return True


def _common_batches(samples: Iterator[Any], recipe: Recipe, group: Group, folder: RunFolder) -> list[list[Any]] | None:
    """The batches of an iteration; None where the samples of any process ended.

    Raises:
        FlareError: where those of any process cannot be made.
    """
    batches, error = None, None
    try:
        batches = _next_batches(samples, recipe)
    except FlareError as caught:
        error = caught
    state = group.highest(_FAILED if error is not None else _ENDED if batches is None else _THERE)
    if error is not None:
        raise error
    if state == _FAILED:
        raise FlareError(
            "another process of this training could not go on",
            path=folder.path,
            remedy="See what it says; then run the same command again: it resumes.",
        )
    return batches if state == _THERE else None


def _next_batches(samples: Iterator[Any], recipe: Recipe) -> list[list[Any]] | None:
    """The batches of an iteration; None where the samples ended."""
    batches = [list(islice(samples, recipe.batch)) for _ in range(recipe.accumulate)]
    return batches if len(batches[-1]) == recipe.batch else None


def _check_finite(losses: dict[str, float], iteration: int, folder: RunFolder) -> None:
    if not math.isfinite(losses["loss"]):
        kept = checkpoints(folder.checkpoints)
        where = f"the last good checkpoint is {kept[-1].name}" if kept else "there is no checkpoint yet"
        raise FlareError(
            f"the training diverged; {where}",
            path=folder.path,
            seen=f"loss {losses['loss']} in iteration {iteration}",
            remedy="Train in a new folder with a lower learning rate (--set optimiser.learning_rate=...) or tighter "
            "clipping: a folder with checkpoints is resumed with the settings that it was started with.",
        )
