"""Cross-validation: all folds one after the other, and one table over all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flarecli.engine.keras_import import clear_keras_session
from flarecli.files.atomic import write_json
from flarecli.metrics.protocol import Metric
from flarecli.metrics.summary import summarize
from flarecli.training.data import TrainingData
from flarecli.training.learning.loop import Callbacks
from flarecli.training.machine import Machine
from flarecli.training.parallel.launch import present_launch
from flarecli.training.recipe import Recipe
from flarecli.training.run import RunOptions, run_training
from flarecli.training.scoring import CaseScores
from flarecli.training.targets import Target

TABLE_NAME = "cross_validation.json"
_METRICS = (Metric.DSC, Metric.NSD)


@dataclass(frozen=True)
class FoldRow:
    """One row of the table: a fold, or all cases of all folds.

    Attributes:
        title: "1" and so on, or "all".
        cases: How many cases were scored.
        means: Mean score by metric and organ, the mean over organs under "overall".
    """

    title: str
    cases: int
    means: dict[Metric, dict[str, float]]

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "fold": self.title,
            "cases": self.cases,
            **{metric.value: by_organ for metric, by_organ in self.means.items()},
        }


def cross_validate(
    run: Path,
    recipe: Recipe,
    folds: Sequence[TrainingData],
    seed: int,
    machine: Machine,
    options: RunOptions | None = None,
    callbacks: Callbacks | None = None,
    on_fold: Callable[[int], None] = lambda _: None,
) -> tuple[FoldRow, ...] | None:
    """Train and score every fold in a folder of its own; folds that are finished are not trained again.

    Args:
        run: Folder; fold k goes to `fold<k>` in it, the table to `cross_validation.json`.
        recipe: The recipe.
        folds: The data of each fold.
        seed: Seed of all random numbers.
        machine: Backend, device and processes.
        options: Checkpoints, logs and initial weights.
        callbacks: Functions to call; one of them may stop the run.
        on_fold: Called as each fold begins, with its number, from 1.

    Returns:
        A row for each fold and one for all; None when the run was stopped.
    """
    by_fold: list[Sequence[CaseScores]] = []
    for number, data in enumerate(folds, start=1):
        on_fold(number)
        folder = folder_of_fold(run, number)
        finished = run_training(folder, recipe_of_fold(recipe, number), data, seed, machine, options, callbacks)
        if finished is None:
            return None
        by_fold.append(finished.scores)
        clear_keras_session()
    return tabulated(run, recipe, by_fold)


def tabulated(run: Path, recipe: Recipe, by_fold: Sequence[Sequence[CaseScores]]) -> tuple[FoldRow, ...]:
    """The table of all folds, written to `cross_validation.json` by the first process.

    Args:
        run: Folder of the folds.
        recipe: The recipe.
        by_fold: Scores of the held-out cases of each fold.

    Returns:
        A row for each fold and one for all.

    Raises:
        OutputError: when it cannot be written.
    """
    target = Target(recipe.target)
    rows = [_row(str(number), scores, target) for number, scores in enumerate(by_fold, start=1)]
    rows.append(_row("all", [result for scores in by_fold for result in scores], target))
    if present_launch().is_first:
        write_json(run / TABLE_NAME, [row.as_dict() for row in rows])
    return tuple(rows)


def folder_of_fold(run: Path, number: int) -> Path:
    """Where a fold goes, counted from 1."""
    return run / f"fold{number}"


def recipe_of_fold(recipe: Recipe, number: int) -> Recipe:
    """The recipe of a fold: with the first stage of the same fold, where the weights of the first stage are a folder of
    folds."""
    first = recipe.first_stage
    if first is None or not first.weights:
        return recipe
    folder = folder_of_fold(Path(first.weights), number)
    return replace(recipe, first_stage=replace(first, weights=str(folder))) if folder.is_dir() else recipe


def _row(title: str, results: Sequence[CaseScores], target: Target) -> FoldRow:
    summary = summarize([result.scores for result in results], _METRICS, target.organ_names)
    return FoldRow(
        title,
        len(results),
        {metric: {name: figures.mean for name, figures in summary[metric].items()} for metric in _METRICS},
    )
