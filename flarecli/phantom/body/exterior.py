"""What lies outside the trunk: the table it rests on, and arms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flarecli.phantom.body.landmarks import Landmarks
from flarecli.phantom.body.torso import Torso
from flarecli.phantom.drawing.canvas import Canvas, Drawable, Palette, Solid
from flarecli.phantom.drawing.shapes import tube_through
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.tissues import Tissue


@dataclass(frozen=True)
class Table:
    """A curved table top: a thin shell over a light core, in the scanner's frame.

    Attributes:
        surface_mm: Distance of the top's middle behind the origin of the patient's frame, mm.
        curvature_mm: Height of the top at 200 mm from its middle.
        half_width_mm: Half its width.
        thickness_mm: Of the core.
        shell: Part number of the shell.
        core: Part number of the core.
    """

    surface_mm: float
    curvature_mm: float
    half_width_mm: float
    thickness_mm: float
    shell: int
    core: int

    def draw(self, canvas: Canvas) -> None:
        """Draw it where there is air; the patient's rotation does not move it."""
        offset = canvas.pose.rotation.T @ canvas.pose.offset_mm
        y = (canvas.grid.axis_mm(1) + offset[1])[:, None]
        x = (canvas.grid.axis_mm(2) + offset[2])[None]
        below = -self.surface_mm + self.curvature_mm * np.square(x / 200) - y
        inside = (below > 0) & (below < self.thickness_mm) & (np.abs(x) < self.half_width_mm)
        edge = inside & ((below < 3) | (below > self.thickness_mm - 3) | (np.abs(x) > self.half_width_mm - 3))
        for where, part in ((inside, self.core), (edge, self.shell)):
            rows = np.flatnonzero(where.any(1))
            if len(rows):
                strip = canvas.parts[:, rows[0] : rows[-1] + 1]
                air_or_table = (strip == 0) | (strip == self.core)
                strip[air_or_table & where[rows[0] : rows[-1] + 1]] = part


def draw_exterior(
    rng: np.random.Generator, lm: Landmarks, torso: Torso, palette: Palette, options: PhantomOptions
) -> Iterator[Drawable]:
    """The table and the arms of those patients that have them; drawn after the trunk, only over air."""
    outside = palette.where(Tissue.AIR)
    flank = torso.wall_mm + 0.8 * torso.fat_mm
    if rng.random() < options.arms_down:
        skin = palette.add(Tissue.SKIN)
        fat = palette.add(Tissue.SUBCUTANEOUS_FAT)
        muscle = palette.add(Tissue.MUSCLE)
        cortical = palette.add(Tissue.CORTICAL_BONE)
        radius = rng.uniform(32, 46)
        own = outside.copy()
        own[[skin, fat, muscle, cortical]] = True
        for side in (-1.0, 1.0):
            x = lm.midline_x + side * (lm.half_width + flank + radius + rng.uniform(3, 20))
            y = lm.centre_y - rng.uniform(0, 50)
            course = [(400, y, x, radius * 1.1), (0, y, x, radius), (-300, y + 30, x, radius * 0.75)]
            layers = ((0.0, skin), (2.0, fat), (6.0, muscle), (radius - 11, cortical))
            yield Solid(tube_through(course, 10), layers, own)
    if rng.random() < options.table:
        back = 0.96 * lm.half_depth + torso.wall_mm + torso.back_mm + torso.fat_mm
        yield Table(
            surface_mm=back - lm.centre_y + rng.uniform(-4, 10),
            curvature_mm=rng.uniform(0, 45),
            half_width_mm=rng.uniform(190, 260),
            thickness_mm=rng.uniform(15, 60),
            shell=palette.add(Tissue.TABLE, offset_hu=rng.normal(0, 100)),
            core=palette.add(Tissue.TABLE, offset_hu=-700 + rng.normal(0, 60)),
        )
