"""Ranges of settings: what is outside is refused, and no number is without a range."""

from __future__ import annotations

import pytest

from flarecli.errors import UsageError
from flarecli.training.checks import check_recipe
from flarecli.training.overrides import parsed_pairs, settings_of, with_changes
from flarecli.training.recipes import RECIPES, recipe_named
from flarecli.training.setting_ranges import RANGES, range_of


def test_every_number_of_a_recipe_has_a_range() -> None:
    def has_numbers(value: object) -> bool:
        parts = value if isinstance(value, list) else [value]
        if any(isinstance(part, list) for part in parts):
            return any(map(has_numbers, parts))
        return any(isinstance(part, int | float) and not isinstance(part, bool) for part in parts)

    keys = {
        key
        for recipe in RECIPES
        for key, value in settings_of(recipe).items()
        if has_numbers(value) and not key.startswith("loss.arguments.")
    }
    assert len(keys) > 70
    assert {key for key in keys if range_of(key) is None} == set()
    assert {end for end in RANGES if not any(f".{key}".endswith(f".{end}") for key in keys)} == set()


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("validation.held_out_share=20", "a fraction, from 0 to below 1"),
        ("validation.held_out_share=1.0", "a fraction, from 0 to below 1"),
        ("clipping.limit=0", "more than 0"),
        ("clipping.limit=-1", "more than 0"),
        ("schedule.warmup=-50", "0 or more"),
        ("schedule.final_share=5.0", "a fraction, from 0 to 1"),
        ("optimiser.learning_rate=-1", "more than 0"),
        ("optimiser.learning_rate=0", "more than 0"),
        ("optimiser.ema_decay=1.5", "a fraction, from 0 to below 1"),
        ("optimiser.ema_decay=-0.5", "a fraction, from 0 to below 1"),
        ("optimiser.l2=-1", "0 or more"),
        ("view.spacing_mm=-4", "0 or more"),
        ("view.intensity.scale_hu=0", "more than 0"),
        ("view.intensity.window_hu=[400, -300]", "the lower limit before the upper one"),
        ("view.intensity.window_hu=[40, 40]", "two different limits"),
        ("view.intensity.gamma=[1.2, 0.8]", "the lower limit before the upper one"),
        ("view.organ_share=50", "a fraction, from 0 to 1"),
        ("view.multiple=0", "1 or more"),
        ("view.shape_zyx=[0, 96, 112]", "1 or more"),
        ("variation.deformed_share=60", "a fraction, from 0 to 1"),
        ("variation.spatial.elastic_nodes=1", "2 or more"),
        ("synthesis.lean_share=25", "a fraction, from 0 to 1"),
        ("synthesis.procedural_share=15", "a fraction, from 0 to 1"),
        ("synthesis.spacing_mm=[2, 0, 2]", "more than 0"),
        ("sampling.repeats=-1", "1 or more"),
        ("schedule.steps=[[0.9, 0.01], [0.5, 0.1]]", "fractions of the run in ascending order"),
        ("schedule.steps=[[0.5, 0.1], [0.5, 0.01]]", "fractions of the run in ascending order"),
        ("schedule.steps=[[50, 0.1]]", "fractions of the run in ascending order"),
        ("schedule.steps=[[0.5, 0]]", "factors more than 0"),
    ],
)
def test_what_is_outside_is_refused(pair: str, expected: str) -> None:
    key = pair.partition("=")[0]
    recipe = with_changes(recipe_named("flarelite", "locate", "standard"), parsed_pairs([pair]))
    with pytest.raises(UsageError) as caught:
        check_recipe(recipe)
    assert caught.value.problem == f"{key} must be {expected}"
    assert str(caught.value.seen).startswith(f"{key} = ")


def test_crops_alone_keep_the_voxel_size_of_a_scan() -> None:
    recipe = with_changes(recipe_named("efficientscn", "localization", "published"), {"view.spacing_mm": 0.0})
    with pytest.raises(UsageError, match=r"view\.spacing_mm must be more than 0"):
        check_recipe(recipe)


@pytest.mark.parametrize("pair", ["precision.on_gpu=foo", "precision.activations=half"])
def test_unknown_number_types_are_refused(pair: str) -> None:
    recipe = with_changes(recipe_named("flarelite", "locate", "standard"), parsed_pairs([pair]))
    with pytest.raises(UsageError, match="float32, float16, bfloat16"):
        check_recipe(recipe)


@pytest.mark.parametrize(
    "pair",
    ["view.spacing_mm=0", "optimiser.ema_decay=0", "schedule.steps=[]", "schedule.steps=[[0.5, 2], [1.0, 0.1]]"],
)
def test_limits_that_belong_to_a_range_are_taken(pair: str) -> None:
    check_recipe(with_changes(recipe_named("flarelite", "locate", "standard"), parsed_pairs([pair])))
