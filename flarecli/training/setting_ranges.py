"""Ranges of the settings of a recipe: a value outside would train something else than was meant."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flarecli.errors import UsageError
from flarecli.training.overrides import settings_of
from flarecli.training.recipe import Recipe
from flarecli.training.views import CropView


@dataclass(frozen=True)
class Range:
    """Numbers from one limit to another.

    Attributes:
        text: The range in words, after "must be".
        low: Lower limit.
        high: Upper limit.
        without_low: Whether the lower limit itself is outside.
        without_high: Whether the upper limit itself is outside.
    """

    text: str
    low: float = -math.inf
    high: float = math.inf
    without_low: bool = False
    without_high: bool = False

    def holds(self, value: float) -> bool:
        """Whether a number lies within; infinity and NaN do not."""
        if not math.isfinite(value) or value < self.low or value > self.high:
            return False
        return not (self.without_low and value == self.low) and not (self.without_high and value == self.high)


_ANY = Range("a finite number")
_POSITIVE = Range("more than 0", 0, without_low=True)
_NOT_NEGATIVE = Range("0 or more", 0)
_COUNT = Range("1 or more", 1)
_SHARE = Range("a fraction, from 0 to 1", 0, 1)
_PART = Range("a fraction, from 0 to below 1", 0, 1, without_high=True)
_FIELD = Range("a fraction above 0, up to 1", 0, 1, without_low=True)

RANGES = {
    **dict.fromkeys(
        (
            "accumulate",
            "base_filters",
            "batch",
            "batch_slices",
            "devices",
            "iterations",
            "loss_scale_growth",
            "mixing",
            "multiple",
            "other_shapes_zyx",
            "repeats",
            "reuse",
            "scan_shape_zyx",
            "shape_zyx",
            "sizes",
            "slice_size",
        ),
        _COUNT,
    ),
    "elastic_nodes": Range("2 or more", 2),
    **dict.fromkeys(
        (
            "clipping.limit",
            "clipping.start",
            "deviation_epsilon",
            "epsilon",
            "first_stage.spacing_mm",
            "gamma",
            "learning_rate",
            "loss_scale",
            "scale",
            "scale_hu",
            "slice_mm",
            "synthesis.spacing_mm",
            "view.first_stage.factor",
        ),
        _POSITIVE,
    ),
    **dict.fromkeys(
        (
            "blur_mm",
            "brightness_hu",
            "elastic_mm",
            "interval",
            "l2",
            "label_sigma_voxels",
            "margin_mm",
            "noise_hu",
            "random_margin_mm",
            "rotation_deg",
            "rotation_rad",
            "scans",
            "shear_deg",
            "shift",
            "translation",
            "translation_mm",
            "variation.offset_hu",
            "view.first_stage.offset_hu",
            "view.spacing_mm",
            "warmup",
            "weight_decay",
        ),
        _NOT_NEGATIVE,
    ),
    **dict.fromkeys(
        (
            "arterial_share",
            "blurred_share",
            "brightness_share",
            "changed_share",
            "deformed_share",
            "final_share",
            "lean_share",
            "lost_share",
            "organ_share",
            "procedural_share",
            "random_share",
            "restored_air_share",
            "unenhanced_share",
            "weaker_share",
        ),
        _SHARE,
    ),
    **dict.fromkeys(
        (
            "axis_scale",
            "beta_1",
            "beta_2",
            "clipping.memory",
            "ema_decay",
            "global_scale",
            "held_out_share",
            "intensity.factor",
            "scale_spread",
        ),
        _PART,
    ),
    "least_field": _FIELD,
    **dict.fromkeys(("intensity.offset_hu", "padding_hu", "schedule.steps", "window_hu"), _ANY),
}
"""By the end of a setting's name, the longest one that is here. Of several numbers each one is in the range."""

_ASCENDING = ("factor", "gamma", "scale", "window_hu")
"""Settings that are a lower and an upper limit."""


def check_ranges(recipe: Recipe) -> None:
    """Check that the numbers among the settings of a recipe are in their ranges, and limits in their order.

    Raises:
        UsageError: for the first one that is not, with its range.
    """
    for key, value in settings_of(recipe).items():
        limits = range_of(key)
        for number in _numbers(value):
            if limits is not None and not limits.holds(number):
                raise _outside(key, value, limits.text)
        if isinstance(value, list) and key.rpartition(".")[2] in _ASCENDING and value != sorted(value):
            raise _outside(key, value, "the lower limit before the upper one")
        if key.endswith("window_hu") and value[0] == value[1]:
            raise _outside(key, value, "two different limits")
    if getattr(recipe.view, "spacing_mm", None) == 0 and not isinstance(recipe.view, CropView):
        raise _outside("view.spacing_mm", 0, _POSITIVE.text)  # crops alone keep a scan's own voxel size
    _check_steps(recipe)


def range_of(key: str) -> Range | None:
    """The range of a setting; None for one that is no number, and for an argument of a loss.

    Args:
        key: Dotted name of the setting.
    """
    if key.startswith("loss.arguments."):  # each loss has its own
        return None
    parts = key.split(".")
    ends = (".".join(parts[start:]) for start in range(len(parts)))
    return next((RANGES[end] for end in ends if end in RANGES), None)


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, list):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _check_steps(recipe: Recipe) -> None:
    """Check that a learning rate changes at ascending fractions of the run: Keras would add up overlapping steps."""
    steps = recipe.schedule.steps
    times = [time for time, _ in steps]
    if not all(one < other for one, other in pairwise(times)) or not all(_FIELD.holds(time) for time in times):
        raise _outside("schedule.steps", [list(step) for step in steps], "fractions of the run in ascending order")
    if not all(_POSITIVE.holds(factor) for _, factor in steps):
        raise _outside("schedule.steps", [list(step) for step in steps], "factors more than 0")


def _outside(key: str, value: Any, expected: str) -> UsageError:
    return UsageError(
        f"{key} must be {expected}", seen=f"{key} = {value}", expected=expected, remedy="Give a value in this range."
    )
