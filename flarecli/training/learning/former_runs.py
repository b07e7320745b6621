"""What a run of a former version was started with, as this version says it: it is resumed where that is the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flarecli.training.learning.losses import LOSSES
from flarecli.training.recipe import FORMER_NAMES, LATER_SETTINGS
from flarecli.training.samples.anatomies import HELD_OUT_MAPS, MAPS


def present_settings(former: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a run under their present names.

    Args:
        former: Those of its `run.json`. Former versions left out arguments of the loss that had their defaults.
    """
    named = {FORMER_NAMES.get(key, key): value for key, value in former.items()}
    arguments = LOSSES.get(str(named.get("loss.name")), {})
    return {**LATER_SETTINGS, **{f"loss.arguments.{name}": value for name, value in arguments.items()}, **named}


def present_data(former: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a run's data, label maps for training apart from those that are held out.

    Args:
        former: Those of its `run.json`. Former versions listed all label maps, of which the last ones are held out.
        present: Facts of the data with which it is to go on.
    """
    maps = former.get(MAPS)
    if HELD_OUT_MAPS in former or HELD_OUT_MAPS not in present or not isinstance(maps, list):
        return dict(former)
    stop = len(present[MAPS])
    return {**former, MAPS: maps[:stop], HELD_OUT_MAPS: maps[stop:]}
