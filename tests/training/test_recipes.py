"""Recipes: the published numbers, and what users can change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import FlareError, InputError, UsageError
from flarecli.systems import system_named
from flarecli.training.checks import check_recipe
from flarecli.training.learning.losses import LOSSES
from flarecli.training.overrides import parsed_pairs, read_recipe_file, settings_of, with_changes
from flarecli.training.recipe import FirstStageSettings, Recipe
from flarecli.training.recipes import RECIPES, recipe_named, recipes_for
from tests.shared_data import shared_path
from tests.training import small


def changed(*pairs: str) -> object:
    return with_changes(recipe_named("efficientscn", "segmentation", "published"), parsed_pairs(pairs))


def test_every_network_of_the_published_systems_has_a_consistent_published_recipe() -> None:
    for system in ("efficientscn", "efficientsegnet", "vgg13"):
        for spec in system_named(system).networks:
            assert next(iter(recipes_for(system, spec.key))) == "published"
    for recipe in RECIPES:
        check_recipe(recipe)


def test_published_numbers() -> None:
    localization = settings_of(recipe_named("efficientscn", "localization", "published"))
    segmentation = settings_of(recipe_named("efficientscn", "segmentation", "published"))
    assert localization["optimiser.learning_rate"] == 1e-5
    assert segmentation["optimiser.learning_rate"] == 1e-4
    for settings in (localization, segmentation):
        assert settings["optimiser.ema_decay"] == 0.999
        assert settings["optimiser.l2"] == 1e-6
        assert (settings["clipping.name"], settings["clipping.limit"]) == ("adaptive", 5.0)
        assert settings["batch"] == 1
    fine = settings_of(recipe_named("efficientsegnet", "fine", "published"))
    assert (fine["devices"], fine["batch"] * fine["accumulate"]) == (4, 5)
    coarse = settings_of(recipe_named("efficientsegnet", "coarse", "published"))
    assert (coarse["devices"], coarse["batch"] * coarse["accumulate"]) == (8, 2)
    assert (fine["optimiser.beta_1"], fine["optimiser.beta_2"]) == (0.9, 0.99)
    slices = settings_of(recipe_named("vgg13", "segmentation", "published"))
    assert slices["optimiser.learning_rate"] == 1e-5
    assert (slices["clipping.name"], slices["clipping.limit"], slices["batch"]) == ("value", 0.1, 4)


@small.needs_training
def test_efficientsegnets_learning_rate_is_that_of_the_published_code() -> None:
    from flarecli.training.learning.optimiser import learning_rate

    recipe = recipe_named("efficientsegnet", "coarse", "published")
    schedule = learning_rate(recipe)
    steps = recipe.iterations // 201
    with np.load(shared_path("fixtures/efficientsegnet_prepost.npz")) as fixture:
        expected = fixture["lr_schedule_200_1e-3"]
    for epoch in range(201):
        for iteration in (epoch * steps, (epoch + 1) * steps - 1):
            assert float(schedule(iteration)) == pytest.approx(expected[epoch], rel=1e-5)


def test_settings_are_changed_by_their_dotted_names() -> None:
    recipe = changed(
        "optimiser.learning_rate=1", "view.sizes=[[32], [32], [64]]", "loss.arguments.skip_absent=false",
        "schedule.name=cosine", "sampling.repeated=['a', 'b']", "schedule.steps=[[0.5, 0.1]]",
    )  # fmt: skip
    settings = settings_of(recipe)  # type: ignore[arg-type]
    assert settings["optimiser.learning_rate"] == 1.0
    assert settings["view.sizes"] == [[32], [32], [64]]
    assert settings["loss.arguments.skip_absent"] is False
    assert settings["schedule.name"] == "cosine"
    assert settings["sampling.repeated"] == ["a", "b"]
    assert settings["schedule.steps"] == [[0.5, 0.1]]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.system}-{recipe.network}-{recipe.name}")
def test_arguments_of_the_loss_are_settings_also_where_they_are_left_at_their_defaults(recipe: Recipe) -> None:
    arguments = {f"loss.arguments.{name}": value for name, value in LOSSES[recipe.loss.name].items()}
    assert settings_of(recipe).keys() >= arguments.keys()
    changes = {key: not value for key, value in arguments.items() if isinstance(value, bool)}
    changed = with_changes(recipe, changes)
    assert {key: settings_of(changed)[key] for key in changes} == changes
    check_recipe(changed)


@pytest.mark.parametrize(
    "pair", ["optimizer.learning_rate=1", "learning_rate=1", "optimiser=1", "name=x", "nonsense=1"]
)
def test_unknown_settings_list_the_known_ones(pair: str) -> None:
    with pytest.raises(UsageError, match=r"no such setting; seen: .*optimiser\.learning_rate, .*iterations, batch"):
        changed(pair)


def test_a_former_name_of_a_setting_is_refused_with_the_new_one() -> None:
    with pytest.raises(UsageError, match=r"synthesis\.painted; expected: synthesis\.rendered_on_device"):
        changed("synthesis.painted=true")


@pytest.mark.parametrize(
    "pair",
    ["batch=1.5", "batch=true", "optimiser.learning_rate=high", "view.sizes=[1]", "schedule.name=1", "iterations=[1]"],
)
def test_values_of_the_wrong_kind_are_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="cannot have this value"):
        changed(pair)


def test_another_loss_brings_its_own_arguments() -> None:
    recipe = changed("loss.name=dice_focal", "loss.arguments.alpha=0.25")
    assert settings_of(recipe)["loss.arguments.alpha"] == 0.25  # type: ignore[arg-type]
    assert "loss.arguments.skip_absent" not in settings_of(recipe)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no such loss"):
        changed("loss.name=hinge")
    assert set(LOSSES) >= {recipe.loss.name for recipe in RECIPES}


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        (["batch=2"], "different sizes do not make a batch"),
        (["iterations=0"], "iterations must be 1 or more"),
        (["validation.scans=-1"], r"validation\.scans must be 0 or more"),
        (["validation.interval=-5"], r"validation\.interval must be 0 or more"),
        (["validation.select=best"], r"unknown value of validation\.select"),
        (["target=organs", "validation.select=cross_entropy"], "no cross-entropy"),
        (["view.orientation=XYZ"], r"unknown value of view\.orientation"),
    ],
)
def test_recipes_that_contradict_themselves_are_refused(pairs: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        check_recipe(changed(*pairs))  # type: ignore[arg-type]


def test_a_first_stage_needs_a_view_for_it() -> None:
    with pytest.raises(UsageError, match="another one's scores"):
        check_recipe(small.recipe(first_stage=FirstStageSettings("localization")))


def test_files_change_recipes_and_name_their_base(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "starter"\niterations = 50\n[optimiser]\nlearning_rate = 3e-4\n', encoding="utf-8")
    base, changes = read_recipe_file(path)
    assert base == "starter"
    assert changes == {"iterations": 50, "optimiser.learning_rate": 3e-4}
    path.write_text("iterations =", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as TOML"):
        read_recipe_file(path)


def test_recipes_that_do_not_exist() -> None:
    with pytest.raises(UsageError, match="no training recipe"):
        recipes_for("efficientscn", "nothing")
    with pytest.raises(FlareError, match="published, starter"):
        recipe_named("efficientscn", "localization", "quick")
