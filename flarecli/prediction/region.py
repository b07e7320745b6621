"""Which part of every scan is asked for: a mode, or a box in world millimetres."""

from __future__ import annotations

import math
from collections.abc import Iterable

from flarecli.errors import UsageError

REGIONS = ("auto", "full")
"""Modes that need no box; see `flarecli.systems.base.RegionRequest`."""

Region = str | tuple[float, ...]
"""One of `REGIONS`, or two opposite corners of a box, x0, y0, z0, x1, y1, z1 in world mm (RAS)."""


def parsed_region(text: str) -> Region:
    """The region that `--roi` names.

    Raises:
        UsageError: when it is neither a mode nor six numbers that make a box.
    """
    if text in REGIONS:
        return text
    try:
        return checked_region(tuple(float(part) for part in text.split(",")))
    except ValueError as error:
        raise _unreadable(text) from error


def checked_region(region: object) -> Region:
    """A region as it is used, its numbers as a tuple of floats.

    Raises:
        UsageError: when it is neither a mode nor six finite numbers that make a box.
    """
    if isinstance(region, str):
        if region not in REGIONS:
            raise _unreadable(region)
        return region
    try:
        corners = tuple(float(number) for number in region) if isinstance(region, Iterable) else ()
    except (TypeError, ValueError) as error:
        raise _unreadable(region) from error
    finite = len(corners) == 6 and all(map(math.isfinite, corners))
    if not finite or any(corners[axis] == corners[axis + 3] for axis in range(3)):
        raise _unreadable(region)
    return corners


def _unreadable(region: object) -> UsageError:
    return UsageError(
        "the region to segment cannot be read",
        seen=region if isinstance(region, str) else repr(region),
        expected="auto, full, or two opposite corners x0,y0,z0,x1,y1,z1 in world mm",
        remedy="Read the coordinates off a viewer that shows world (RAS) millimetres.",
    )
