"""Hollow organs: a wall, a content, and gas that collects at the front of a patient who lies on the back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.phantom.drawing.canvas import ROUGH_REACH, Canvas, Palette, Shape
from flarecli.phantom.tissues import Tissue

_CHYME_SHARE = 0.35


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
        found = self.shape.depth(canvas, ROUGH_REACH * self.roughness_mm)
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


@dataclass(frozen=True)
class GutParts:
    """Part numbers that several hollow organs share.

    Attributes:
        wall: The wall's.
        gas: That of gas.
        over: Which part numbers hollow organs may be drawn over.
    """

    wall: int
    gas: int
    over: np.ndarray


def draw_content(rng: np.random.Generator, palette: Palette, *, food: float) -> int:
    """A content of its own for each piece of gut: fluid, food, smooth chyme, or fluid with contrast medium."""
    if rng.random() < food:
        return palette.add(Tissue.GUT_FOOD, offset_hu=rng.normal(0, 20))
    if rng.random() < _CHYME_SHARE:
        return palette.add(Tissue.GUT_FLUID, offset_hu=rng.uniform(5, 60))
    contrast = rng.uniform(80, 250) if rng.random() < 0.08 else 0.0
    return palette.add(Tissue.GUT_FLUID, offset_hu=rng.normal(5, 12) + contrast)
