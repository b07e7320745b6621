"""Runs that a former version began: they go on with the same settings and data, and with no others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flarecli.errors import UsageError
from flarecli.training.data import SyntheticData
from flarecli.training.learning.run_folder import RunFolder
from flarecli.training.overrides import parsed_pairs, settings_of, with_changes
from flarecli.training.recipe import Recipe
from flarecli.training.recipes import RECIPES, recipe_named
from flarecli.training.samples.anatomies import Anatomies

pytestmark = pytest.mark.any_backend

MAPS = ("a.nii.gz", "b.nii.gz", "c.nii.gz")


def plan(recipe: Recipe, maps: tuple[str, ...] = MAPS) -> dict[str, Any]:
    """What a run is begun with."""
    data = SyntheticData(recipe, Anatomies("folder", maps, maps))  # type: ignore[arg-type]
    return {"settings": settings_of(recipe), "data": data.facts}


def former(recipe: Recipe, maps: tuple[str, ...] = MAPS) -> dict[str, Any]:
    """The same as former versions wrote it: only arguments that are not left at their defaults, and all label maps."""
    settings = {key: value for key, value in settings_of(recipe).items() if not key.startswith("loss.arguments.")}
    given = {f"loss.arguments.{name}": value for name, value in recipe.loss.arguments.items()}
    return {"settings": {**settings, **given}, "data": {"synthetic": True, "label_maps": list(maps)}}


def begun(folder: Path, written: dict[str, Any]) -> RunFolder:
    """The folder of a run with a checkpoint."""
    run = RunFolder(folder)
    run.checkpoints.mkdir(parents=True)
    (run.checkpoints / "step_00000001.npz").touch()
    run.plan.write_text(json.dumps(written), encoding="utf-8")
    return run


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.system}-{recipe.network}-{recipe.name}")
def test_arguments_of_the_loss_that_were_not_written_had_their_defaults(recipe: Recipe, tmp_path: Path) -> None:
    run = begun(tmp_path, former(recipe))
    run.begin(plan(recipe))
    name, value = next(iter(settings_of(recipe).items()))
    assert json.loads(run.plan.read_text())["settings"][name] == value


def test_another_argument_of_the_loss_is_another_run(tmp_path: Path) -> None:
    recipe = recipe_named("flarelite", "locate", "standard")
    changed = with_changes(recipe, parsed_pairs(["loss.arguments.skip_absent=false"]))
    run = begun(tmp_path, former(recipe))
    with pytest.raises(UsageError, match=r"skip_absent = False; expected: .*skip_absent = True"):
        run.begin(plan(changed))


@pytest.mark.parametrize("write", [plan, former])
def test_other_label_maps_are_another_run(write: Any, tmp_path: Path) -> None:
    recipe = recipe_named("flarelite", "locate", "standard")
    run = begun(tmp_path, write(recipe))
    run.begin(plan(recipe))
    for maps in (MAPS[:2], (*MAPS, "d.nii.gz"), (*MAPS[:2], "d.nii.gz")):
        with pytest.raises(UsageError, match="label_maps"):
            run.begin(plan(recipe, maps))


def test_a_mixture_that_held_label_maps_out_goes_on_so_or_not_at_all(tmp_path: Path) -> None:
    recipe = recipe_named("flarelite", "locate", "standard")
    run = begun(tmp_path, former(recipe))
    with pytest.raises(UsageError, match=r"held_out_share = 0\.0; expected: .*held_out_share = 0\.1"):
        run.begin(plan(replace(recipe, synthesis=replace(recipe.synthesis, held_out_share=0.0))))
    run.begin(plan(recipe))
