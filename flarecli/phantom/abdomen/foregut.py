"""Stomach and duodenum, which lie against the pancreas and the left lobe of the liver."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flarecli.phantom.abdomen.hollow import GutParts, Hollow, draw_content
from flarecli.phantom.body.landmarks import Landmarks
from flarecli.phantom.drawing.canvas import Drawable, Palette, Solid
from flarecli.phantom.drawing.shapes import tube_through
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.tissues import Tissue

_FUNDUS_KNOTS = 2
_MOST_STEPS = 15


def draw_stomach(
    rng: np.random.Generator, lm: Landmarks, palette: Palette, shared: GutParts, options: PhantomOptions
) -> Iterator[Drawable]:
    """Draw it full or, with probability `options.collapsed_stomach`, empty: a thick cord with little gas inside."""
    x, y, half = lm.midline_x, lm.centre_y, lm.half_width
    collapsed = rng.random() < options.collapsed_stomach
    fill = rng.uniform(0.35, 0.75) if collapsed else rng.uniform(0.75, 1.3)
    roof = lm.dome_at(y - 5, x - 0.5 * half) - 32 * max(fill, 0.75)
    knots = np.array(
        [
            (roof - 8, y - 12, x - 0.42 * half, 27 * fill),
            (roof - 25, y - 8, x - 0.52 * half, 34 * fill),
            (roof - 55, y + 12, x - 0.52 * half, 33 * fill),
            (roof - 85, y + 35, x - 0.42 * half, 27 * fill),
            (roof - 105, y + 45, x - 0.2 * half, 22 * fill),
            (roof - 103, y + 42, x + 0.05 * half, 17 * fill),
            (roof - 95, y + 32, x + 0.2 * half, 11),
        ]
    )
    knots[:, :3] += rng.normal(0, 5, (len(knots), 3)) + rng.normal(0, 6 * (options.shape_spread - 0.5), 3)
    if collapsed:
        # An empty stomach lies anywhere between spleen, left lobe and pancreas.
        knots[:, 2] += rng.uniform(-0.05, 0.3) * half * np.array([0.3, 0.8, 1, 1, 0.6, 0.2, 0])
        knots[:, 0] += rng.uniform(-5, 30) * np.array([0, 0.2, 0.5, 0.8, 1, 1, 1])
    knots = _before_pancreas(knots, lm)
    gas = y + rng.uniform(5, 60) if rng.random() < (0.3 if collapsed else 0.75) else np.inf
    content = draw_content(rng, palette, food=0.5)
    if collapsed and rng.random() < 0.5:
        content = shared.wall
    # Where wall and content have the same intensity, the wall is not visible.
    wall = palette.add(Tissue.GUT_WALL, offset_hu=rng.normal(0, 14)) if rng.random() < 0.5 else shared.wall
    if rng.random() < 0.25:
        wall = content
    thickness = rng.uniform(4, 10) if collapsed else rng.uniform(3, 6)
    yield Hollow(tube_through(knots, 20), thickness, wall, content, shared.gas, shared.over, gas, roughness_mm=1.5)
    if collapsed and rng.random() < 0.6:
        first = int(rng.integers(0, 4))
        bubble = knots[first : first + int(rng.integers(2, 4))].copy()
        bubble[:, 3] *= rng.uniform(0.1, 0.35)
        yield Solid(tube_through(bubble, 8), ((0.0, shared.gas),), palette.where(Tissue.GUT_WALL), roughness_mm=1.0)


def draw_duodenum(rng: np.random.Generator, lm: Landmarks, palette: Palette, shared: GutParts) -> Iterator[Drawable]:
    """Draw the loop around the head of the pancreas, and its course to the left anterior to the spine."""
    head = lm.places.get("pancreas")
    if head is None:
        z, y, x = lm.bottom_z + 40, lm.centre_y + 10, lm.midline_x + 35
    else:
        z, y, x = head.low[0] + 22, head.centre[1] - 4, head.high[2] + 5
    radius = rng.uniform(8, 16)
    knots = np.array(
        [
            (z + 38, y + 22, x - 12, radius),
            (z + 32, y + 8, x + 4, radius),
            (z + 5, y - 6, x + 8, radius),
            (z - 22, y - 10, x + 2, radius),
            (z - 34, y - 8, x - 22, radius * 0.9),
            (z - 33, y + 2, lm.midline_x, radius * 0.85),
            (z - 24, y + 2, lm.midline_x - 28, radius * 0.9),
            (z + 2, y + 10, lm.midline_x - 38, radius),
        ]
    )
    knots[:, :3] += rng.normal(0, 4, (len(knots), 3))
    knots[:, 3] *= rng.uniform(0.7, 1.2, len(knots))
    # Pieces hold different things; neighbours share a knot.
    cut = int(rng.integers(2, 6))
    for piece in (knots[: cut + 1], knots[cut:]):
        content = shared.wall if rng.random() < 0.3 else draw_content(rng, palette, food=0.2)
        wall = palette.add(Tissue.GUT_WALL, offset_hu=rng.normal(0, 14))
        gas = float(piece[:, 1].mean()) + rng.uniform(-2, 10) if rng.random() < 0.15 else np.inf
        tube = tube_through(piece, 4 * len(piece))
        yield Hollow(tube, rng.uniform(2, 4), wall, content, shared.gas, shared.over, gas, roughness_mm=1.2)


def _before_pancreas(knots: np.ndarray, lm: Landmarks) -> np.ndarray:
    """Knots (z, y, x, radius) changed until the stomach lies before the pancreas, not around it.

    The fundus, which lies above it, becomes narrower; the rest moves forwards.
    """
    fitted = knots.copy()
    if not len(lm.pancreas_points):
        return fitted
    for number, knot in enumerate(fitted):
        for _ in range(_MOST_STEPS):
            room = np.linalg.norm(lm.pancreas_points - knot[:3], axis=1).min() - 4
            if room > knot[3]:
                break
            if number < _FUNDUS_KNOTS:
                knot[3] = max(room, 15)
            else:
                knot[1] += 4
    return fitted
