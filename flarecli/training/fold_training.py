"""The training of one fold as work for another process, which tells how far it is and can be stopped."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from flarecli.errors import InstallationError
from flarecli.training.cross_validation import folder_of_fold, recipe_of_fold
from flarecli.training.learning.loop import Callbacks, Progress, Validation
from flarecli.training.learning.run_folder import RunFolder
from flarecli.training.machine import Machine
from flarecli.training.recipe import Recipe
from flarecli.training.run import RunOptions, run_training
from flarecli.training.samples.mixture.selection import ScanSelection, data_of
from flarecli.training.scoring import CaseScores

_LOOK_S = 1.0


@dataclass(frozen=True)
class FoldProgress:
    """How far a fold is.

    Attributes:
        engine: What computes it: backend with version, device and precision; empty before that is known.
        stage: What begins, in a few words; empty while iterations are done.
        done: Iterations done; 0 before the first of this attempt.
        total: Iterations in all.
        loss: Of the last iteration.
        rate: Iterations a second.
        validated: Iteration of the last validation; 0 before.
        dice: Its mean DSC of each organ.
        warnings: What the user should know, so far.
    """

    engine: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    loss: float = 0.0
    rate: float = 0.0
    validated: int = 0
    dice: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoldTraining:
    """Trains and scores one fold (`flarecli.processes.stoppable.Work`); a fold that was begun is resumed.

    Attributes:
        run: Folder of all folds, which must exist.
        recipe: The recipe.
        scans: The scans to train on.
        number: Number of the fold, from 1.
        folds: How many there are.
        seed: Seed of all random numbers.
        machine: Backend, device and processes.
        options: Checkpoints, logs and initial weights.
    """

    run: Path
    recipe: Recipe
    scans: ScanSelection
    number: int
    folds: int
    seed: int
    machine: Machine
    options: RunOptions

    def __call__(
        self, tell: Callable[[FoldProgress], None], should_stop: Callable[[], bool]
    ) -> tuple[CaseScores, ...] | None:
        """Train it.

        Returns:
            Scores of the held-out cases; None when it was stopped.

        Raises:
            InstallationError: when this host does not see the folder of the run.
            FlareError: as `run_training` and `data_of` do.
        """
        if not self.run.is_dir():
            raise InstallationError(
                "this host does not have the folder of the run",
                path=self.run,
                seen=f"nothing on {platform.node()}",
                expected="the same files on every host, under the same paths",
                remedy="Choose a folder on a file system that all hosts have.",
            )
        state = FoldProgress()

        def change(**changes: object) -> None:
            nonlocal state
            state = replace(state, **changes)  # type: ignore[arg-type]
            tell(state)

        def on_progress(progress: Progress) -> None:
            change(stage="", done=progress.done, total=progress.total, loss=progress.losses["loss"], rate=progress.rate)

        def on_validation(iteration: int, found: Validation) -> None:
            change(validated=iteration, dice=found.dice)

        runtime = self.machine.start(self.recipe.precision)
        change(engine=f"{runtime.backend} {runtime.version}, {runtime.device}, {runtime.precision}")
        data = data_of(self.recipe, self.scans, str(self.number), self.folds, self.seed)
        folder = folder_of_fold(self.run, self.number)
        while RunFolder(folder).is_in_use:  # by a worker whose command went away: it ends after its iteration
            change(stage="waiting for another process that trains in its folder")
            if should_stop():
                return None
            time.sleep(_LOOK_S)

        def on_warning(text: str) -> None:
            change(warnings=(*state.warnings, text))

        callbacks = Callbacks(on_progress, on_validation, lambda stage: change(stage=stage), should_stop, on_warning)
        recipe = recipe_of_fold(self.recipe, self.number)
        finished = run_training(folder, recipe, data, self.seed, self.machine, self.options, callbacks)
        return None if finished is None else finished.scores
