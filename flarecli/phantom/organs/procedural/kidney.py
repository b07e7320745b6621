"""A kidney: a bean-shaped body beside the spine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.phantom.drawing.canvas import BoxMm, box_around
from flarecli.phantom.drawing.shapes import ellipsoid_depth, rotation_zyx, smooth_minimum
from flarecli.phantom.organs.procedural.build import Build, Position
from flarecli.phantom.randomness import bounded_normal

_CENTRE_MM = {1: np.array([-61.0, -36.0, 70.0]), -1: np.array([-52.0, -38.0, -70.0])}
_RADII_MM = np.array([57.5, 24.5, 30.0])
_LONE_KIDNEY_GROWTH = 1.2


@dataclass(frozen=True)
class Kidney:
    """An ellipsoid bent towards the midline, with a sinus in its medial face.

    Attributes:
        centre: (z, y, x), mm.
        turn: 3x3 matrix from patient to kidney axes: along the kidney, through it, across it.
        radii: Half length, thickness and width, mm.
        side: 1 right, -1 left.
        bend: Displacement of the poles to the midline, in half widths.
        sinus: Depth of the sinus in half widths.
    """

    centre: np.ndarray
    turn: np.ndarray
    radii: np.ndarray
    side: int
    bend: float
    sinus: float

    def depth(self, position: Position) -> np.ndarray:
        """Depth below its surface, mm; the sinus is outside."""
        oz, oy, ox = (p - np.float32(c) for p, c in zip(position, self.centre, strict=True))
        along, through, across = (r[0] * oz + r[1] * oy + r[2] * ox for r in self.turn.astype(np.float32))
        length, thick, wide = (float(r) for r in self.radii)
        lateral = across * np.float32(self.side)
        lateral += np.float32(self.bend * wide) * (np.square(along / np.float32(length)) - np.float32(0.3))
        bean = ellipsoid_depth((along, through, lateral), (0, 0, 0), self.radii)
        hollow = ellipsoid_depth(
            (along, through, lateral),
            (0, 0.1 * thick, -0.85 * wide),
            (0.42 * length, 0.42 * thick, self.sinus * wide),
        )
        return smooth_minimum(bean, -hollow, 4.0)

    def box(self) -> BoxMm:
        """Box that encloses it in any direction it may lie."""
        return box_around(self.centre, np.full(3, self.radii[0] + 8))


def draw_kidney(rng: np.random.Generator, side: int, build: Build, *, lone: bool) -> Kidney:
    """Draw the right (1) or left (-1) kidney; a lone one is larger."""
    spread = build.spread
    growth = np.exp(bounded_normal(rng, 0.05 * spread)) * (_LONE_KIDNEY_GROWTH if lone else 1.0)
    proportions = np.exp(bounded_normal(rng, 0.05 * spread, 3))
    # Upper poles lean to the midline and backwards; the hilum looks forwards and to the midline.
    angles_deg = np.array([side * -32.0, side * 14.0, -18.0]) + spread * bounded_normal(rng, (10, 5, 6))
    return Kidney(
        centre=(_CENTRE_MM[side] + spread * bounded_normal(rng, (11, 6, 5))) * build.scale,
        turn=rotation_zyx(angles_deg).T,
        radii=_RADII_MM * growth * proportions * build.size,
        side=side,
        bend=float(np.clip(0.55 + bounded_normal(rng, 0.1 * spread), 0.2, 0.9)),
        sinus=float(np.clip(0.75 + bounded_normal(rng, 0.12 * spread), 0.4, 1.05)),
    )
