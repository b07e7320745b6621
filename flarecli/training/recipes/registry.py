"""All recipes, by system, network and name."""

from __future__ import annotations

from flarecli.errors import UsageError
from flarecli.training.recipe import Recipe
from flarecli.training.recipes import efficientscn, efficientsegnet, flarelite, vgg13

RECIPES: tuple[Recipe, ...] = (
    *flarelite.RECIPES,
    *efficientscn.RECIPES,
    *efficientsegnet.RECIPES,
    *vgg13.RECIPES,
)


def recipes_for(system: str, network: str) -> dict[str, Recipe]:
    """The recipes of a network by their names, the published one first.

    Raises:
        UsageError: when there is none.
    """
    found = {recipe.name: recipe for recipe in RECIPES if (recipe.system, recipe.network) == (system, network)}
    if not found:
        known = dict.fromkeys(f"{recipe.system}/{recipe.network}" for recipe in RECIPES)
        raise UsageError(
            "there is no training recipe for this network",
            seen=f"{system}/{network}",
            expected=", ".join(known),
            remedy="Choose --system and --network of one of those.",
        )
    return found


def recipe_named(system: str, network: str, name: str) -> Recipe:
    """One recipe.

    Raises:
        UsageError: when there is none of that name, or none for the network.
    """
    found = recipes_for(system, network)
    if name not in found:
        raise UsageError(
            f"there is no recipe of this name for {system}/{network}",
            seen=name,
            expected=", ".join(found),
            remedy="Name one of those, or a TOML file that ends in .toml.",
        )
    return found[name]
