"""Spine, its muscles, and the pelvis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flarecli.phantom.body.landmarks import Landmarks
from flarecli.phantom.drawing.canvas import Canvas, Drawable, Palette, Solid, box_around
from flarecli.phantom.drawing.shapes import Ellipsoid, tube_through
from flarecli.phantom.randomness import spread_uniform
from flarecli.phantom.tissues import Tissue

_VERTEBRA_MM = 34.0
_CREST_UNDER_ORGANS_MM = -45.0
"""Height of the iliac crests over the lowest point of the organs."""
_BULK_SPREAD = 0.25
"""Relative variation of the muscles of the back for each unit of spread beyond 1."""


@dataclass(frozen=True)
class Spine:
    """Vertebral bodies with discs, arches and processes, and the canal.

    Attributes:
        x: Position of the midline, mm.
        y: Middle of the vertebral bodies at z = 0, mm.
        half_width: Of a body, mm.
        half_depth: Of a body, mm.
        phase_mm: Position of the first disc along z.
        lordosis_mm: Anterior displacement by the lumbar lordosis.
        end_z: Position of the lumbosacral junction.
        parts: Part numbers by name.
    """

    x: float
    y: float
    half_width: float
    half_depth: float
    phase_mm: float
    lordosis_mm: float
    end_z: float
    parts: dict[str, int]

    def middle_y(self, z: np.ndarray) -> np.ndarray:
        """Middle of the bodies at heights z, mm."""
        return np.float32(self.y) + np.float32(self.lordosis_mm) * np.cos((z + 90) * np.float32(np.pi / 180))

    def draw(self, canvas: Canvas) -> None:
        """Draw it on every level of the canvas."""
        window = canvas.window(
            box_around(
                (self.end_z + 1000, self.y - 20, self.x),
                (1000, 60 + abs(self.lordosis_mm), 1.9 * self.half_width),
            )
        )
        if window is None:
            return
        z, y, x = canvas.at(window)
        dx, dy = x - np.float32(self.x), y - self.middle_y(z)
        level = np.mod(z + np.float32(self.phase_mm), np.float32(_VERTEBRA_MM)) - np.float32(_VERTEBRA_MM / 2)
        waist = 1 - np.float32(0.08) * np.cos(level * np.float32(2 * np.pi / _VERTEBRA_MM))
        body = np.hypot(dx / np.float32(self.half_width), dy / np.float32(self.half_depth)) / waist
        target = canvas.parts[window]
        disc = np.abs(level) > 0.5 * _VERTEBRA_MM - 4.5
        endplate = np.abs(level) > 0.5 * _VERTEBRA_MM - 6.5
        arch_y = dy + np.float32(self.half_depth + 11)
        arch = np.hypot(dx / 19, arch_y / 15)
        bony = np.abs(level) < 0.5 * _VERTEBRA_MM - 5
        pedicle = bony & (arch < 1) & (level > -4)
        target[pedicle] = self.parts["cortical"]
        lamina = (arch < 1.15) & (dy < -self.half_depth - 8) & (np.abs(level + 6) < 11)
        target[lamina] = self.parts["cortical"]
        transverse = (np.abs(arch_y + 2 + 0.15 * np.abs(dx)) < 4) & (np.abs(dx) < 40) & (np.abs(level) < 5)
        target[transverse] = self.parts["cortical"]
        spinous = (np.abs(dx) < 3.5) & (arch_y < -8) & (arch_y > -38) & (np.abs(level + 8) < 10)
        target[spinous] = self.parts["trabecular"]
        target[body < 1] = self.parts["cortical"]
        core = (body < 1 - 2.2 / self.half_depth) & ~endplate
        target[core] = self.parts["trabecular"]
        target[(body < 1.02) & disc] = self.parts["disc"]
        target[np.hypot(dx / 11, (dy + np.float32(self.half_depth + 9)) / 8.5) < 1] = self.parts["canal"]


def draw_skeleton(rng: np.random.Generator, lm: Landmarks, palette: Palette, spread: float) -> Iterator[Drawable]:
    """Muscles of the back and psoas, spine, and pelvis, in the order in which they are drawn.

    `spread` scales how much the muscles vary.
    """
    parts = {
        "cortical": palette.add(Tissue.CORTICAL_BONE),
        "trabecular": palette.add(Tissue.TRABECULAR_BONE),
        "disc": palette.add(Tissue.DISC),
        "canal": palette.add(Tissue.SPINAL_CANAL),
    }
    muscle = palette.add(Tissue.MUSCLE, offset_hu=rng.normal(0, 4))
    x, y = lm.midline_x, lm.spine_y
    width = rng.uniform(20, 25)
    spine = Spine(
        x,
        y,
        width,
        0.76 * width,
        rng.uniform(0, 34),
        rng.uniform(2, 10),
        lm.bottom_z + _CREST_UNDER_ORGANS_MM - 45,
        parts,
    )

    bulk = 1.0 if spread == 1 else 1 + _BULK_SPREAD * (spread - 1) * rng.uniform(-1, 1)
    for side in (-1.0, 1.0):
        back = [
            (z, y - 42 + 4 * np.cos((z + 90) / 57), x + side * 31, bulk * rng.uniform(23, 27))
            for z in range(-330, 331, 60)
        ]
        yield Solid(tube_through(back, 24, flattening=(1.0, 1.25, 0.9)), ((0.0, muscle),), roughness_mm=1.0)
        size = spread_uniform(rng, 0.65, 1.05, spread, least=0.4)
        psoas = [
            (5.0, y - 4, x + side * (width + 4), 6 * size),
            (-50.0, y - 3, x + side * (width + 12), 13 * size),
            (-110.0, y + 4, x + side * (width + 20), 20 * size),
            (-170.0, y + 18, x + side * (width + 30), 23 * size),
            (-240.0, y + 45, x + side * (width + 58), 20 * size),
            (-300.0, y + 55, x + side * (width + 72), 16 * size),
        ]
        yield Solid(tube_through(psoas, 18), ((0.0, muscle),), roughness_mm=1.0)
        quadratus = [
            (-20.0, y - 28, x + side * (width + 30), 8 * size),
            (-90.0, y - 22, x + side * (width + 42), 12 * size),
            (-150.0, y - 18, x + side * (width + 50), 12 * size),
        ]
        yield Solid(tube_through(quadratus, 8, flattening=(1.0, 1.3, 0.8)), ((0.0, muscle),))
        crus = [
            (60.0, y + 14, x + side * 16, 7),
            (20.0, y + 22, x + side * 13, 7 * size),
            (-40.0, y + 20, x + side * 15, 4.5 * size),
        ]
        yield Solid(tube_through(crus, 8, flattening=(1.0, 0.7, 1.5)), ((0.0, muscle),))
    yield spine
    yield from _pelvis(lm, parts, muscle, palette.where(Tissue.SUBCUTANEOUS_FAT, Tissue.MUSCLE))


def _pelvis(lm: Landmarks, parts: dict[str, int], muscle: int, soft: np.ndarray) -> Iterator[Drawable]:
    x, y = lm.midline_x, lm.spine_y
    crest = lm.bottom_z + _CREST_UNDER_ORGANS_MM
    bone = ((0.0, parts["cortical"]), (3.0, parts["trabecular"]))
    for side in (-1.0, 1.0):
        buttock = Ellipsoid((crest - 130, y - 40, x + side * 85), (105, 48, 62))
        yield Solid(buttock, ((0.0, muscle),), soft, roughness_mm=2)
        wing = [
            (crest - 5, y + 62, x + side * 0.98 * lm.half_width, 6),
            (crest - 30, y + 20, x + side * 0.88 * lm.half_width, 8),
            (crest - 50, y - 15, x + side * 72, 10),
            (crest - 75, y - 38, x + side * 44, 12),
        ]
        iliacus = [(z - 35, py + 6, px - side * 16, 15.0) for z, py, px, _ in wing]
        yield Solid(tube_through(iliacus, 10, flattening=(0.45, 1.2, 1.2)), ((0.0, muscle),))
        for drop in (0.0, 18.0, 36.0, 54.0):
            lower = [(z - drop, py - 0.15 * drop, px - side * 0.35 * drop, r) for z, py, px, r in wing]
            yield Solid(tube_through(lower, 10, flattening=(0.6, 1.2, 1.2)), bone)
        yield Solid(Ellipsoid((crest - 155, y + 25, x + side * 88), (26, 26, 26)), bone)
        ramus = [
            (crest - 110, y + 5, x + side * 80, 15),
            (crest - 175, y + 45, x + side * 45, 12),
            (crest - 185, y + 75, x + side * 8, 10),
        ]
        yield Solid(tube_through(ramus, 10), bone)
    sacrum = [
        (crest - 35, y - 12, x, 24),
        (crest - 80, y - 40, x, 22),
        (crest - 130, y - 55, x, 13),
        (crest - 160, y - 45, x, 6),
    ]
    yield Solid(tube_through(sacrum, 10, flattening=(1.0, 1.5, 0.7)), bone)
