"""Small bowel and colon."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flarecli.phantom.abdomen.hollow import GutParts, Hollow, draw_content
from flarecli.phantom.body.landmarks import Landmarks
from flarecli.phantom.drawing.canvas import Drawable, Palette
from flarecli.phantom.drawing.shapes import tube_through
from flarecli.phantom.tissues import Tissue

_STOOL_SHARE = 0.75


def draw_small_bowel(rng: np.random.Generator, lm: Landmarks, palette: Palette, shared: GutParts) -> Iterator[Drawable]:
    """Draw loops in the middle of the abdomen."""
    low = np.array([lm.bottom_z - 150, lm.spine_y + 32, lm.midline_x - 0.72 * lm.half_width])
    high = np.array([lm.bottom_z + 75, lm.centre_y + 0.85 * lm.half_depth, lm.midline_x + 0.62 * lm.half_width])
    yield from _loops(rng, low, high, int(rng.integers(40, 70)), palette, shared)


def draw_jejunum(rng: np.random.Generator, lm: Landmarks, palette: Palette, shared: GutParts) -> Iterator[Drawable]:
    """Draw loops in the left upper abdomen, before and below body and tail of the pancreas."""
    place = lm.places.get("pancreas")
    if place is None:
        return
    low = np.array([place.low[0] - 20, place.low[1] + 5, lm.midline_x - 0.68 * lm.half_width])
    high = np.array([place.high[0] + 15, lm.centre_y + 0.7 * lm.half_depth, lm.midline_x - 5])
    yield from _loops(rng, low, high, int(rng.integers(0, 13)), palette, shared)


def _loops(
    rng: np.random.Generator, low: np.ndarray, high: np.ndarray, count: int, palette: Palette, shared: GutParts
) -> Iterator[Drawable]:
    """Random walks with a persistent heading, kept inside a box (z, y, x), mm."""
    for _ in range(count):
        radius = rng.uniform(9, 16)
        place = rng.uniform(low, high)
        heading = rng.standard_normal(3)
        chain = [place]
        for _ in range(rng.integers(2, 6)):
            heading = heading / np.linalg.norm(heading) + 0.75 * rng.standard_normal(3)
            heading += 1.5 * ((place < low).astype(float) - (place > high).astype(float))
            place = place + 24 * heading / np.linalg.norm(heading)
            chain.append(place)
        knots = np.column_stack([np.array(chain), radius * rng.uniform(0.8, 1.15, len(chain))])
        collapsed = rng.random() < 0.35
        content = shared.wall if collapsed else draw_content(rng, palette, food=0.4)
        gas = float(np.mean(knots[:, 1])) + rng.uniform(0, 14) if rng.random() < 0.2 else np.inf
        wall = palette.add(Tissue.GUT_WALL, offset_hu=rng.normal(0, 14))
        yield Hollow(
            tube_through(knots, len(knots) + 3),
            rng.uniform(1.5, 3.5),
            wall,
            content,
            shared.gas,
            shared.over,
            gas,
        )


def draw_colon(
    rng: np.random.Generator, lm: Landmarks, palette: Palette, shared: GutParts, filled: float
) -> Iterator[Drawable]:
    """Draw the frame from the caecum over both flexures to the rectum, around kidney, liver and spleen.

    `filled` is the probability that a segment holds fluid or food; of the others three quarters hold stool, the rest
    gas.
    """
    x, half, y, deep = lm.midline_x, lm.half_width, lm.centre_y, lm.half_depth
    bottom = lm.bottom_z
    kidney = lm.places.get("right_kidney")
    liver_flexure = bottom + rng.uniform(5, 30)
    spleen = lm.places.get("spleen")
    spleen_flexure = (spleen.low[0] + rng.uniform(-5, 30)) if spleen else 0.0
    behind = (kidney.centre[1] if kidney else y - 0.4 * deep) + 22
    sag = rng.uniform(10, 80)
    frame = np.array(
        [
            (bottom - 110, y + 5, x + 0.62 * half),
            (bottom - 75, y + 0, x + 0.72 * half),
            (bottom - 30, behind, x + 0.76 * half),
            (liver_flexure, behind + 5, x + 0.66 * half),
            (liver_flexure + 8, y + 0.45 * deep, x + 0.5 * half),
            (liver_flexure - 0.7 * sag, y + 0.72 * deep, x + 0.2 * half),
            (liver_flexure - sag, y + 0.78 * deep, x - 0.15 * half),
            (0.5 * (liver_flexure + spleen_flexure), y + 0.6 * deep, x - 0.5 * half),
            (spleen_flexure - 5, y + 0.2 * deep, x - 0.74 * half),
            (spleen_flexure - 18, y - 0.15 * deep, x - 0.82 * half),
            (bottom - 10, y - 0.25 * deep, x - 0.8 * half),
            (bottom - 80, y - 0.05 * deep, x - 0.72 * half),
            (bottom - 120, y + 0.1 * deep, x - 0.55 * half),
            (bottom - 150, y + 0.2 * deep, x - 0.1 * half),
            (bottom - 165, y - 0.1 * deep, x + 0.1 * half),
            (bottom - 190, lm.spine_y + 10, x),
        ]
    )
    frame += rng.normal(0, 6, frame.shape)
    width = np.interp(np.arange(len(frame)), (0, 3, 8, 15), (27, 24, 20, 15)) * rng.uniform(0.8, 1.2)
    width *= rng.uniform(0.8, 1.2, len(frame))
    # Drawn in pieces, each with a content of its own; neighbours share a knot.
    for first, last in ((0, 2), (2, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 15)):
        knots = np.column_stack([frame, width])[first : last + 1]
        count = 6 * (len(knots) - 1)
        tube = tube_through(knots, count)
        # Haustra: the radius swells and narrows along the way.
        tube.radii[1:-1] *= 1 + 0.16 * np.sin(np.arange(1, count - 1) * 2.1 + rng.uniform(0, 6))
        kind = rng.random()
        gas = float(tube.points[:, 1].mean()) + rng.uniform(-10, 12) if rng.random() < 0.55 else np.inf
        if kind < _STOOL_SHARE * (1 - filled):
            content = palette.add(Tissue.STOOL, offset_hu=rng.normal(0, 40))
        elif kind < 1 - filled:
            content, gas = shared.gas, np.inf
        else:
            content = draw_content(rng, palette, food=0.5)
        yield Hollow(tube, rng.uniform(1.5, 3.0), shared.wall, content, shared.gas, shared.over, gas)
