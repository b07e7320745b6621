"""The digestive tract with the gallbladder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flarecli.phantom.abdomen.bowel import draw_colon, draw_jejunum, draw_small_bowel
from flarecli.phantom.abdomen.foregut import draw_duodenum, draw_stomach
from flarecli.phantom.abdomen.hollow import GutParts, Hollow, draw_content
from flarecli.phantom.body.landmarks import Landmarks
from flarecli.phantom.drawing.canvas import Canvas, Drawable, Palette, Solid
from flarecli.phantom.drawing.lattice import NoiseField
from flarecli.phantom.drawing.shapes import Ellipsoid
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.tissues import Tissue


@dataclass(frozen=True)
class Clutter:
    """Blobs of soft tissue in the visceral fat: vessels, lymph nodes, collapsed bowel that is not drawn otherwise.

    Attributes:
        field: A random field.
        threshold: Blobs are where the field exceeds it.
        part: Part number of the blobs.
        over: Which part numbers may be drawn over.
    """

    field: NoiseField
    threshold: float
    part: int
    over: np.ndarray

    def draw(self, canvas: Canvas) -> None:
        """Draw the blobs."""
        free = np.flatnonzero(self.over[canvas.parts])
        blob = self.field.on(canvas.grid).ravel()[free] > self.threshold
        canvas.parts.reshape(-1)[free[blob]] = self.part


_MOST_MASSES = 4
_REPLACEABLE = (Tissue.VISCERAL_FAT, Tissue.SMALL_VESSEL, Tissue.FLUID, Tissue.SOFT_TISSUE)


def draw_gut(rng: np.random.Generator, lm: Landmarks, palette: Palette, options: PhantomOptions) -> Iterator[Drawable]:
    """Bowel first, then what lies in front of it, in drawing order."""
    shared = GutParts(palette.add(Tissue.GUT_WALL), palette.add(Tissue.GAS), palette.where(*_REPLACEABLE))
    # Later loops lie over earlier ones: every part that is added from here on may be replaced, too.
    shared.over[len(palette.parts) :] = True
    shared.over[[shared.wall, shared.gas]] = True
    if rng.random() < options.clutter:
        for _ in range(rng.integers(1, 4)):
            part = palette.add(Tissue.SOFT_TISSUE, offset_hu=rng.normal(0, 15 * options.hu_spread))
            field = NoiseField.draw(rng, rng.uniform(6, 18))
            yield Clutter(field, rng.uniform(*options.clutter_level), part, palette.where(*_REPLACEABLE))
    if options.masses:
        yield from _masses(rng, lm, palette, shared, options.masses)
    yield from draw_small_bowel(rng, lm, palette, shared)
    yield from draw_jejunum(rng, lm, palette, shared)
    yield from draw_colon(rng, lm, palette, shared, options.filled_colon)
    yield from draw_duodenum(rng, lm, palette, shared)
    yield from draw_stomach(rng, lm, palette, shared, options)
    yield from _gallbladder(rng, lm, palette)


def _masses(
    rng: np.random.Generator, lm: Landmarks, palette: Palette, shared: GutParts, expected: float
) -> Iterator[Drawable]:
    """Round bodies anywhere in the cavity, more of them towards the front."""
    for _ in range(min(rng.poisson(expected), _MOST_MASSES)):
        centre = (
            rng.uniform(lm.bottom_z - 40, lm.top_z - 30),
            lm.centre_y + lm.half_depth * (1.5 * rng.beta(2, 1) - 0.7),
            lm.midline_x + 0.8 * lm.half_width * rng.uniform(-1, 1),
        )
        shape = Ellipsoid(centre, rng.uniform(12, 38) * rng.uniform(0.6, 1.4, 3), tuple(rng.uniform(-60, 60, 3)))
        content = draw_content(rng, palette, food=0.6)
        yield Hollow(shape, rng.uniform(1, 5), shared.wall, content, shared.gas, shared.over, roughness_mm=2.0)


def _gallbladder(rng: np.random.Generator, lm: Landmarks, palette: Palette) -> Iterator[Drawable]:
    if lm.gallbladder is None:
        return
    size = rng.uniform(0.6, 1.2)
    centre = lm.gallbladder + np.array([-4 * size, 0, 0]) + rng.normal(0, 4, 3)
    bile = palette.add(Tissue.GALLBLADDER, offset_hu=rng.normal(0, 5))
    wall = palette.add(Tissue.GUT_WALL)
    shape = Ellipsoid(centre, size * np.array([17.0, 34.0, 17.0]), (20.0, 0.0, -25.0))
    yield Solid(shape, ((0.0, wall), (1.5, bile)), roughness_mm=0.8)
