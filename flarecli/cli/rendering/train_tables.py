"""What `flare train` prints on standard output: its recipe, and the scores of what it trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flarecli.cli.output import print_json, stdout_console

if TYPE_CHECKING:
    from flarecli.training.cross_validation import FoldRow
    from flarecli.training.data import TrainingData
    from flarecli.training.recipe import Recipe


def show_recipe(recipe: Recipe, data: TrainingData, *, as_json: bool) -> None:
    """Print all settings of a recipe, in the form of a recipe file."""
    from flarecli.training.overrides import settings_of

    content = {
        "system": recipe.system,
        "network": recipe.network,
        "recipe": recipe.name,
        "data": data.facts,
        "settings": settings_of(recipe),
    }
    if as_json:
        print_json(content)
        return
    console = stdout_console()
    console.print(
        f"# {recipe.system}/{recipe.network}, on {data.title}\nbase = {json.dumps(recipe.name)}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    for key, value in settings_of(recipe).items():
        console.print(f"{key} = {json.dumps(value)}", markup=False, highlight=False, soft_wrap=True)


def print_scores(held_out: dict[str, Any]) -> None:
    """Print the mean scores of a run on what was held out, as its card has them."""
    from rich.table import Table

    if not held_out.get("scans"):
        return
    table = Table(f"{held_out['scans']} {held_out['kind']}", "DSC", "NSD at 1 mm", box=None, pad_edge=False)
    for name, dice in held_out["dsc"].items():
        table.add_row(name, f"{dice:.3f}", f"{held_out['nsd'][name]:.3f}")
    stdout_console().print(table)


def print_folds(rows: Sequence[FoldRow]) -> None:
    """Print the scores of all folds."""
    from rich.table import Table

    organs = list(next(iter(rows[0].means.values())))
    table = Table(box=None, pad_edge=False)
    for heading in ("fold", "cases", *(f"{metric.heading} {organ}" for metric in rows[0].means for organ in organs)):
        table.add_column(heading, justify="right")
    for row in rows:
        scores = [f"{row.means[metric][organ]:.3f}" for metric in row.means for organ in organs]
        table.add_row(row.title, str(row.cases), *scores)
    stdout_console().print(table)
