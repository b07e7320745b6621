"""Recipes changed by the user: from a TOML file, and from `key=value` pairs."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from flarecli.errors import InputError, UsageError
from flarecli.files.sources import opened
from flarecli.training.learning.losses import checked_arguments
from flarecli.training.recipe import FORMER_NAMES, LossSettings, Recipe

_LARGEST_FILE = 1_000_000

_FIXED = ("name", "system", "network")
"""Settings that identify a recipe; chosen by options, not changed."""


def settings_of(recipe: Recipe) -> dict[str, Any]:
    """All settings of a recipe by their dotted names, values as TOML and JSON have them.

    Raises:
        UsageError: when its loss, or an argument of that, is unknown.
    """
    return {key: _plain(value) for key, value in _leaves(_with_loss_arguments(recipe), "") if key not in _FIXED}


def with_changes(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A recipe with some settings changed.

    Args:
        recipe: The recipe.
        changes: New values by dotted name ("optimiser.learning_rate").

    Raises:
        UsageError: for an unknown name (known ones are listed) or a value of the wrong kind.
    """
    if "loss.name" in changes and changes["loss.name"] != recipe.loss.name:
        # Another loss has other arguments.
        recipe = replace(recipe, loss=LossSettings(_conformed(changes["loss.name"], str, "loss.name")))
    recipe = _with_loss_arguments(recipe)
    known = settings_of(recipe)
    for key in changes:
        if key in FORMER_NAMES:
            raise UsageError(
                "this setting has another name now",
                seen=key,
                expected=FORMER_NAMES[key],
                remedy="Use the new name.",
            )
        if key not in known:
            raise UsageError(
                f"the recipe {recipe.system}/{recipe.network} has no such setting",
                seen=key,
                expected=", ".join(known),
                remedy="Correct the name; `flare train ... --dry-run` shows all settings with their values.",
            )
    for key, value in changes.items():
        recipe = _changed(recipe, key.split("."), value, key)
    return recipe


def read_recipe_file(path: Path) -> tuple[str | None, dict[str, Any]]:
    """Read changes to a recipe from a TOML file.

    Returns:
        The name of the recipe that it is based on (`base = "..."`), if it names one, and changes by dotted name.

    Raises:
        InputError: when there is no such file, or it cannot be read as TOML.
    """
    with opened(path) as file:
        text = file.read(_LARGEST_FILE + 1)
    if len(text) > _LARGEST_FILE:
        raise InputError(
            "is too large for a recipe",
            path=path,
            seen=f"more than {_LARGEST_FILE} bytes",
            remedy="Name the file with the settings.",
        )
    try:
        content = tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError("cannot be read as TOML", path=path, seen=error, remedy="Correct the file.") from error
    base = content.pop("base", None)
    if base is not None and not isinstance(base, str):
        raise InputError("`base` must name a recipe", path=path, seen=base, remedy='Write base = "starter", say.')
    return base, dict(_flattened(content, ""))


def parsed_pairs(pairs: Iterable[str]) -> dict[str, Any]:
    """Changes from `key=value` pairs; values are written as in TOML, strings may go without quotes.

    Raises:
        UsageError: for a text without an equals sign.
    """
    changes = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key.strip():
            raise UsageError(
                "a setting needs a name and a value",
                seen=pair,
                expected="--set key=value, for example --set optimiser.learning_rate=1e-4",
                remedy="Write the setting in this form.",
            )
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except ValueError:
            value = text
        changes[key.strip()] = value
    return changes


def _with_loss_arguments(recipe: Recipe) -> Recipe:
    """The recipe with all arguments of its loss, also those that it leaves at their defaults."""
    return replace(recipe, loss=replace(recipe.loss, arguments=checked_arguments(recipe.loss)))


def _leaves(settings: Any, prefix: str) -> Iterable[tuple[str, Any]]:
    if is_dataclass(settings):
        items: Iterable[tuple[str, Any]] = ((field.name, getattr(settings, field.name)) for field in fields(settings))
    else:
        items = settings.items()
    for name, value in items:
        if is_dataclass(value) or isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _flattened(table: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _changed(settings: Any, path: list[str], value: Any, key: str) -> Any:
    name, *rest = path
    is_mapping = isinstance(settings, Mapping)
    current = settings[name] if is_mapping else getattr(settings, name)
    if rest:
        new = _changed(current, rest, value, key)
    else:
        kind = type(current) if is_mapping else get_type_hints(type(settings))[name]
        new = _conformed(value, kind, key)
    return {**settings, name: new} if is_mapping else replace(settings, **{name: new})


def _conformed(value: Any, kind: Any, key: str) -> Any:
    """The value, converted to the setting's type.

    Raises:
        UsageError: when it is of another type.
    """
    if get_origin(kind) in (Union, UnionType):
        kind = next(option for option in get_args(kind) if option is not type(None))
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        parts = get_args(kind)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(_conformed(part, parts[0], key) for part in value)
        if len(parts) == len(value):
            return tuple(_conformed(part, wanted, key) for part, wanted in zip(value, parts, strict=True))
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value):
        return float(value)
    if (
        kind is not float
        and isinstance(kind, type)
        and isinstance(value, kind)
        and (kind is bool or not isinstance(value, bool))
    ):
        return value
    raise UsageError(
        f"the setting {key} cannot have this value",
        seen=repr(value),
        expected="a finite number" if kind is float else _name_of(kind),
        remedy="Give a value of that kind.",
    )


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _name_of(kind: Any) -> str:
    return str(kind).replace("typing.", "") if get_origin(kind) else getattr(kind, "__name__", str(kind))
