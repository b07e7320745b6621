"""Selection of the recipe and of the data: a cache, synthetic scans, or both in one stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flarecli.errors import UsageError
from flarecli.hardware.processors import available_processors
from flarecli.prediction.long_lists.part import parsed_part
from flarecli.preprocessing.cache import TrainingCache
from flarecli.systems import system_named
from flarecli.training.data import CachedData, SyntheticData, TrainingData
from flarecli.training.folds import Split, fold_number, held_out, k_folds
from flarecli.training.overrides import parsed_pairs, read_recipe_file, with_changes
from flarecli.training.recipe import Recipe
from flarecli.training.recipes import recipe_named, recipes_for
from flarecli.training.samples.anatomies import PHANTOMS, read_anatomies
from flarecli.training.samples.mixture.data import MixedData, recipe_for_mixing
from flarecli.training.targets import Target

DEFAULT_REAL_SHARE = 0.5
"""Share of the samples from real scans where there are synthetic ones, too."""


@dataclass(frozen=True)
class ScanSelection:
    """The scans to train on.

    Attributes:
        cache: Folder of a cache of real scans, if any.
        synthesize_from: Source of the organs of synthetic scans, as `read_anatomies` takes it, if any.
        real_share: Where there are both: share of the samples from real scans.
    """

    cache: Path | None
    synthesize_from: str | None = None
    real_share: float = DEFAULT_REAL_SHARE

    @property
    def is_mixed(self) -> bool:
        """Whether there are both."""
        return self.cache is not None and self.synthesize_from is not None


def chosen_recipe(
    system: str,
    network: str | None,
    wanted: str | None,
    pairs: Sequence[str],
    iterations: int | None,
    scans: ScanSelection,
) -> Recipe:
    """The recipe of a network with the user's changes.

    Args:
        system: Name of the system.
        network: Key of the network; its first one where None.
        wanted: Name of a recipe, or a TOML file with changes to one; where None "starter" for synthetic scans alone
            where there is one, else the first one.
        pairs: Changes as `key=value`.
        iterations: Their number, where it is changed.
        scans: The scans to train on; they determine the target, and of a mixture the loss and how many label maps are
            held out unless the changes say so: none.

    Raises:
        UsageError: for a recipe or setting that does not exist, and for a loss that a mixture cannot have.
        InputError: for a file that cannot be read.
    """
    key = network or system_named(system).networks[0].key
    known = recipes_for(system, key)
    name = "starter" if scans.cache is None and "starter" in known else next(iter(known))
    changes: dict[str, Any] = {}
    if wanted is not None and wanted.endswith(".toml"):
        base, changes = read_recipe_file(Path(wanted))
        name = base or name
    elif wanted is not None:
        name = wanted
    recipe = recipe_named(system, key, name)
    if scans.is_mixed and scans.synthesize_from != PHANTOMS:
        # What is held out of a mixture are real cases.
        recipe = with_changes(recipe, {"synthesis.held_out_share": 0.0})
    recipe = with_changes(recipe, changes)
    if scans.is_mixed:
        recipe = recipe_for_mixing(recipe)
    elif scans.cache is not None:
        recipe = replace(recipe, target=Target(recipe.target).without_surroundings)
    recipe = with_changes(recipe, parsed_pairs(pairs))
    return recipe if iterations is None else with_changes(recipe, {"iterations": iterations})


def data_of(recipe: Recipe, scans: ScanSelection, fold: str | None, folds: int, seed: int) -> TrainingData:
    """The data of one run.

    Args:
        recipe: How samples are cut.
        scans: The source of scans.
        fold: Number of the fold that is held out, from 1; None for `validation.held_out_share` of the cases.
        folds: How many folds there are.
        seed: Seed of the assignment of cases to folds.

    Raises:
        UsageError: for a fold that does not exist.
        InputError: for a cache or label maps that cannot be read.
    """
    if scans.cache is None:
        if fold is not None:
            raise UsageError(
                "synthetic scans have no folds",
                seen=f"--fold {fold}",
                remedy="Leave it out: other synthetic scans are held out in any case.",
            )
        return _synthetic_data(recipe, scans)
    opened = TrainingCache.open(scans.cache)
    real = CachedData(recipe, opened, _split(recipe, opened.names, fold, folds, seed))
    return _with_synthetic(real, scans, _synthetic_data(recipe, scans) if scans.is_mixed else None)


def fold_of_array(folds: int) -> int:
    """The fold of a task of a Slurm job array: the first task has the first one.

    Raises:
        UsageError: outside of such an array, or when it has another number of tasks.
    """
    part = parsed_part("auto", option="--fold auto")
    if part.count != folds:
        raise UsageError(
            "the job array has not one task for each fold",
            seen=f"{part.count} tasks, --folds {folds}",
            expected=f"sbatch --array=1-{folds}",
            remedy="Submit it so, or set --folds.",
        )
    return part.number


def fold_data(recipe: Recipe, scans: ScanSelection, folds: int, seed: int) -> list[TrainingData]:
    """The data of each fold of a cache; arguments and errors as of `data_of`."""
    if scans.cache is None:
        raise ValueError("synthetic scans have no folds")
    opened = TrainingCache.open(scans.cache)
    synthetic = _synthetic_data(recipe, scans) if scans.is_mixed else None
    splits = k_folds(opened.names, seed, folds)
    return [_with_synthetic(CachedData(recipe, opened, split), scans, synthetic) for split in splits]


def _synthetic_data(recipe: Recipe, scans: ScanSelection) -> SyntheticData:
    return SyntheticData(recipe, read_anatomies(scans.synthesize_from or "", available_processors()))


def _with_synthetic(real: CachedData, scans: ScanSelection, synthetic: SyntheticData | None) -> TrainingData:
    """Cases of a cache, with synthetic scans where there are some."""
    return real if synthetic is None else MixedData(real.recipe, real, synthetic, scans.real_share)


def _split(recipe: Recipe, names: tuple[str, ...], fold: str | None, folds: int, seed: int) -> Split:
    if fold is None:
        return held_out(names, recipe.validation.held_out_share, seed)
    number = fold_number(fold)
    if number is None or not 1 <= number <= folds:
        raise UsageError(
            "there is no such fold",
            seen=f"--fold {fold}",
            expected=f"1 to {folds}, or all",
            remedy="Name one of those; --folds sets their number.",
        )
    return k_folds(names, seed, folds)[number - 1]
