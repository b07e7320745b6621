"""Positions of vessels that lie against organs.

Label maps leave out the vessels that touch an organ: grooves in the organ show their position. Where an organ is
atrophic, the vessels keep their position before the atrophy.
"""

from __future__ import annotations

import numpy as np

from flarecli.phantom.organs.anatomy import Anatomy, Depth, OrganShape

_STEP_MM = 3.0
_PULL = 0.25
"""Weight of the distance from the usual position relative to the distance from the organ's surface."""

_FRONT_QUANTILE = 0.7
"""Quantile along y beyond which an organ's section counts as its front."""

_LEVEL_MM = 6.0
"""Half the height of the slices from which the position of an organ's back is taken."""


def _bed_of(organ: OrganShape) -> Depth:
    return organ.bed_at or organ.depth_at


def organ_of(anatomy: Anatomy, label: int) -> OrganShape | None:
    """The first organ with a label, or None."""
    return next((organ for organ in anatomy.organs if organ.label == label), None)


def beside(organ: OrganShape | None, usual: np.ndarray, radius_mm: float, reach_mm: float) -> np.ndarray:
    """The point (z, y, x) of a slice, at most `reach_mm` from the usual one, where a vessel lies against an organ."""
    if organ is None:
        return usual
    steps = np.arange(-reach_mm, reach_mm + 0.1, _STEP_MM)
    y, x = np.meshgrid(usual[1] + steps, usual[2] + steps, indexing="ij")
    depth = _bed_of(organ)([a.astype(np.float32) for a in (np.full_like(y, usual[0]), y, x)])
    away = np.hypot(y - usual[1], x - usual[2])
    best = np.argmin(np.abs(depth + radius_mm) + _PULL * away)
    return np.array([usual[0], y.flat[best], x.flat[best]])


def behind(organ: OrganShape, x_mm: float, radius_mm: float) -> np.ndarray | None:
    """The point (z, y, x) of a sagittal plane where a vessel lies against the middle of an organ's back.

    None where the plane misses the organ.
    """
    z, y, inside = _sagittal(organ, x_mm)
    if not inside.any():
        return None
    middle = float(z[inside].mean())
    near = inside & (np.abs(z - middle) <= _LEVEL_MM)
    back = float(y[near if near.any() else inside].min())
    return np.array([middle, back - radius_mm, x_mm])


def behind_front(organ: OrganShape, x_mm: float, radius_mm: float) -> np.ndarray | None:
    """The point (z, y, x) of a sagittal plane where a vessel lies behind what reaches furthest forwards of an organ.

    Other parts of the organ may lie behind the vessel, as the uncinate process of the pancreas does. None where the
    plane misses the organ.
    """
    z, y, inside = _sagittal(organ, x_mm)
    if not inside.any():
        return None
    front = float(z[inside & (y >= np.quantile(y[inside], _FRONT_QUANTILE))].mean())
    rows = np.flatnonzero(inside.any(axis=1))
    row = rows[np.argmin(np.abs(z[rows, 0] - front))]
    column = int(np.flatnonzero(inside[row])[-1])
    while column > 0 and inside[row, column - 1]:
        column -= 1
    return np.array([z[row, 0], y[row, column] - radius_mm, x_mm])


def _sagittal(organ: OrganShape, x_mm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions z and y of a lattice on a sagittal plane, and whether they are inside."""
    low, high = organ.box
    z, y = np.meshgrid(
        np.arange(low[0], high[0] + _STEP_MM, _STEP_MM), np.arange(low[1], high[1] + _STEP_MM, _STEP_MM), indexing="ij"
    )
    depth = _bed_of(organ)([a.astype(np.float32) for a in (z, y, np.full_like(y, x_mm))])
    return z, y, depth > 0
