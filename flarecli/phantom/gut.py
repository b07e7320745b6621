"""Stomach, duodenum, small bowel, colon, gallbladder, bladder: what organs are mistaken for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flarecli.phantom.canvas import Canvas, Drawable, Palette, Shape, Solid
from flarecli.phantom.landmarks import Landmarks
from flarecli.phantom.shapes import Ellipsoid, tube_through
from flarecli.phantom.tissues import Tissue


@dataclass(frozen=True)
class Hollow:
    """A hollow organ: a wall, a content, and gas above a level where it collects.

    Attributes:
        shape: Its outside.
        wall_mm: Thickness of the wall.
        wall: Part number of the wall.
        content: Part number of what fills it.
        gas: Part number of gas.
        level_y: Gas fills what lies further to the front, mm; infinity for none.
        over: Which part numbers may be drawn over: what lies inside the abdominal wall.
        roughness_mm: Irregularity of the surface.
    """

    shape: Shape
    wall_mm: float
    wall: int
    content: int
    gas: int
    over: np.ndarray
    level_y: float = np.inf
    roughness_mm: float = 1.0

    def draw(self, canvas: Canvas) -> None:
        """Draw wall, content and gas."""
        found = self.shape.depth(canvas)
        if found is None:
            return
        window, depth = found
        depth = depth + np.float32(self.roughness_mm) * canvas.roughness[window]
        target = canvas.parts[window]
        free = self.over[target]
        target[(depth > 0) & free] = self.wall
        inside = (depth > self.wall_mm) & free
        target[inside] = self.content
        if np.isfinite(self.level_y):
            target[inside & (canvas.position[1][window] > self.level_y)] = self.gas


_YIELDING = (Tissue.VISCERAL_FAT, Tissue.SMALL_VESSEL, Tissue.FLUID)


@dataclass(frozen=True)
class GutParts:
    """Part numbers that several hollow organs share."""

    wall: int
    gas: int
    over: np.ndarray


def draw_gut(rng: np.random.Generator, lm: Landmarks, palette: Palette) -> Iterator[Drawable]:
    """Bowel first, then what lies in front of it, in drawing order."""
    shared = GutParts(palette.add(Tissue.GUT_WALL), palette.add(Tissue.GAS), palette.where(*_YIELDING))
    # Later loops lie over earlier ones: every part that is added from here on yields too.
    shared.over[len(palette.parts) :] = True
    shared.over[[shared.wall, shared.gas]] = True
    yield from _small_bowel(rng, lm, palette, shared)
    yield from _colon(rng, lm, palette, shared)
    yield from _duodenum(rng, lm, palette, shared)
    yield _stomach(rng, lm, palette, shared)
    yield from _gallbladder(rng, lm, palette)
    bladder = Ellipsoid(
        (lm.bottom_z - 190, lm.spine_y + 70, lm.midline_x + rng.normal(0, 4)),
        rng.uniform(0.8, 1.3) * np.array([32, 28, 38]),
    )
    wall = palette.add(Tissue.MUSCLE)
    yield Solid(bladder, ((0.0, wall), (4.0, palette.add(Tissue.URINE))))


def _content(rng: np.random.Generator, palette: Palette, *, food: float) -> int:
    """A content of its own for each piece of gut: fluid, food, or fluid with contrast medium."""
    if rng.random() < food:
        return palette.add(Tissue.GUT_FOOD, offset_hu=rng.normal(0, 20))
    contrast = rng.uniform(80, 250) if rng.random() < 0.08 else 0.0
    return palette.add(Tissue.GUT_FLUID, offset_hu=rng.normal(5, 12) + contrast)


def _stomach(rng: np.random.Generator, lm: Landmarks, palette: Palette, shared: GutParts) -> Hollow:
    x, y, half = lm.midline_x, lm.centre_y, lm.half_width
    fill = rng.uniform(0.75, 1.3)
    roof = lm.dome_at(y - 5, x - 0.5 * half) - 32 * fill
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
    knots[:, :3] += rng.normal(0, 5, (len(knots), 3))
    gas = y + rng.uniform(5, 60) if rng.random() < 0.75 else np.inf
    return Hollow(
        tube_through(knots, 20),
        rng.uniform(3, 6),
        shared.wall,
        _content(rng, palette, food=0.5),
        shared.gas,
        shared.over,
        gas,
        roughness_mm=1.5,
    )


def _duodenum(
    rng: np.random.Generator, lm: Landmarks, palette: Palette, shared: GutParts
) -> Iterator[Drawable]:
    head = lm.places.get("pancreas")
    if head is None:
        z, y, x = lm.bottom_z + 40, lm.centre_y + 10, lm.midline_x + 35
    else:
        z, y, x = head.low[0] + 22, head.centre[1] - 4, head.high[2] + 5
    radius = rng.uniform(10, 14)
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
    knots[:, :3] += rng.normal(0, 3, (len(knots), 3))
    tube = tube_through(knots, 22)
    yield Hollow(
        tube,
        rng.uniform(2, 4),
        shared.wall,
        _content(rng, palette, food=0.2),
        shared.gas,
        shared.over,
        roughness_mm=1.2,
    )


def _small_bowel(
    rng: np.random.Generator, lm: Landmarks, palette: Palette, shared: GutParts
) -> Iterator[Drawable]:
    """Loops: random walks with a persistent heading, kept inside the middle of the abdomen."""
    low = np.array([lm.bottom_z - 150, lm.spine_y + 32, lm.midline_x - 0.72 * lm.half_width])
    high = np.array(
        [lm.bottom_z + 75, lm.centre_y + 0.85 * lm.half_depth, lm.midline_x + 0.62 * lm.half_width]
    )
    for _ in range(rng.integers(40, 70)):
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
        content = shared.wall if collapsed else _content(rng, palette, food=0.4)
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


def _colon(rng: np.random.Generator, lm: Landmarks, palette: Palette, shared: GutParts) -> Iterator[Drawable]:
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
        if kind < 0.6:
            content = palette.add(Tissue.STOOL, offset_hu=rng.normal(0, 40))
        elif kind < 0.8:
            content, gas = shared.gas, np.inf
        else:
            content = _content(rng, palette, food=0.5)
        yield Hollow(tube, rng.uniform(1.5, 3.0), shared.wall, content, shared.gas, shared.over, gas)


def _gallbladder(rng: np.random.Generator, lm: Landmarks, palette: Palette) -> Iterator[Drawable]:
    if lm.gallbladder is None:
        return
    size = rng.uniform(0.6, 1.2)
    centre = lm.gallbladder + np.array([-4 * size, 0, 0]) + rng.normal(0, 4, 3)
    bile = palette.add(Tissue.GALLBLADDER, offset_hu=rng.normal(0, 5))
    wall = palette.add(Tissue.GUT_WALL)
    shape = Ellipsoid(centre, size * np.array([17.0, 34.0, 17.0]), (20.0, 0.0, -25.0))
    yield Solid(shape, ((0.0, wall), (1.5, bile)), roughness_mm=0.8)
