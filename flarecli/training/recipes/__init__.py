"""The recipes there are, one file a system."""

from flarecli.training.recipes.registry import RECIPES, recipe_named, recipes_for

__all__ = ["RECIPES", "recipe_named", "recipes_for"]
