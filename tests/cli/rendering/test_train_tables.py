"""What `flare train` prints: a recipe that can be read back, and tables of scores."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flarecli.cli.rendering.train_tables import print_folds, print_scores, show_recipe
from flarecli.metrics.protocol import Metric
from flarecli.training.cross_validation import FoldRow
from flarecli.training.overrides import read_recipe_file, settings_of, with_changes
from flarecli.training.recipe import Recipe
from flarecli.training.recipes import recipe_named, recipes_for

DATA: Any = SimpleNamespace(title="2 cases of [cache]", facts={"cases": 2})
RECIPES = [
    recipe
    for network in ("flarelite/locate", "flarelite/refine", "efficientscn/segmentation", "vgg13/segmentation")
    for recipe in recipes_for(*network.split("/")).values()
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.system}-{recipe.network}-{recipe.name}")
def test_a_printed_recipe_is_a_recipe_file(recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Changed settings come back when the file is applied to the recipe that it is based on."""
    changed = with_changes(recipe, {"iterations": 7, "validation.scans": 3})

    show_recipe(changed, DATA, as_json=False)

    file = tmp_path / "printed.toml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    base, settings = read_recipe_file(file)
    assert base == recipe.name
    assert with_changes(recipe_named(recipe.system, recipe.network, recipe.name), settings) == changed


def test_a_recipe_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = recipe_named("efficientscn", "segmentation", "starter")

    show_recipe(recipe, DATA, as_json=True)

    content = json.loads(capsys.readouterr().out)
    assert (content["system"], content["network"]) == ("efficientscn", "segmentation")
    assert content["recipe"] == "starter"
    assert content["data"] == {"cases": 2}
    assert content["settings"] == json.loads(json.dumps(settings_of(recipe)))


def test_scores_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    print_scores(
        {
            "scans": 4,
            "kind": "held-out cases",
            "dsc": {"liver": 0.95678, "overall": 0.9},
            "nsd": {"liver": 0.8, "overall": 0.70049},
        }
    )

    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["4", "held-out", "cases", "DSC", "NSD", "at", "1", "mm"]
    assert rows[1:] == [["liver", "0.957", "0.800"], ["overall", "0.900", "0.700"]]


@pytest.mark.parametrize("held_out", [{}, {"scans": 0}])
def test_without_held_out_scans_there_is_no_table(held_out: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    print_scores(held_out)

    assert capsys.readouterr().out == ""


def test_scores_of_folds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    scores = {Metric.DSC: {"liver": 0.9, "spleen": 0.8}, Metric.NSD: {"liver": 0.7, "spleen": float("nan")}}

    print_folds([FoldRow("1", 12, scores), FoldRow("all", 24, scores)])

    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["fold", "cases", "DSC", "liver", "DSC", "spleen", "NSD", "liver", "NSD", "spleen"]
    assert [row.split() for row in rows] == [
        ["1", "12", "0.900", "0.800", "0.700", "nan"],
        ["all", "24", "0.900", "0.800", "0.700", "nan"],
    ]
    assert len({len(row.rstrip()) for row in rows}) == 1, "numbers are aligned on the right"
