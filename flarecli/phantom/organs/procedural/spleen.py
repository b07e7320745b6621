"""The spleen: a crescent on the inside of the left posterior wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.phantom.drawing.canvas import BoxMm
from flarecli.phantom.drawing.shapes import smooth_minimum
from flarecli.phantom.organs.procedural.build import Build, Position
from flarecli.phantom.randomness import bounded_normal

_CENTRE_MM = np.array([10.0, -52.0, -108.0])
_HALF_LENGTH_MM = 71.0
_HALF_WIDTH_MM = 48.0
_THICKNESS_MM = 50.0
_FROM_WALL_MM = 2.0
_LARGE_GROWTH = (1.25, 1.6)
"""Factor of lengths in splenomegaly: two to four times the volume."""


@dataclass(frozen=True)
class Spleen:
    """A shell on the wall of the cavity, thickest at its middle.

    Attributes:
        build: The patient's.
        centre: Middle of the shell, mm.
        turn_deg: Inclination of its long axis from front to back.
        half_length: Along the ribs, mm.
        half_width: Across them, mm.
        thickness: In its middle, mm.
    """

    build: Build
    centre: np.ndarray
    turn_deg: float
    half_length: float
    half_width: float
    thickness: float

    def depth(self, position: Position) -> np.ndarray:
        """Depth below its surface, mm."""
        z, y, x = position
        from_wall = self.build.cavity_depth(position)
        # Unrolled coordinates: along the circumference of the wall, and along z.
        angle = np.arctan2(y, -x) - np.float32(np.arctan2(self.centre[1], -self.centre[2]))
        around = angle * np.float32(np.hypot(self.centre[1], self.centre[2]))
        up = z - np.float32(self.centre[0])
        tilt = np.deg2rad(self.turn_deg)
        cosine, sine = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
        along, across = cosine * around - sine * up, sine * around + cosine * up
        footprint = np.square(along / np.float32(self.half_length))
        footprint += np.square(across / np.float32(self.half_width))
        inner_face = np.float32(self.thickness) * (1 - footprint) - from_wall
        return smooth_minimum(inner_face * np.float32(0.8), from_wall - np.float32(_FROM_WALL_MM), 14.0)

    def box(self) -> BoxMm:
        """Box that encloses it; it never crosses the midline."""
        reach = max(self.half_length, self.half_width) + 14
        low = self.centre - np.array([reach, reach + 10, 0.8 * reach])
        high = self.centre + np.array([reach, reach + 10, reach + 10])
        high[2] = min(high[2], -4.0)
        return low, high


def draw_spleen(rng: np.random.Generator, build: Build, *, large: bool) -> Spleen:
    """Draw it; `large` for splenomegaly."""
    spread = build.spread
    growth = np.exp(bounded_normal(rng, 0.1 * spread)) * (rng.uniform(*_LARGE_GROWTH) if large else 1.0)
    size = float(growth * build.size)
    return Spleen(
        build=build,
        centre=(_CENTRE_MM + spread * bounded_normal(rng, (12, 9, 4))) * build.scale,
        turn_deg=float(28 + bounded_normal(rng, 12 * spread)),
        half_length=_HALF_LENGTH_MM * size,
        half_width=_HALF_WIDTH_MM * size,
        thickness=float(_THICKNESS_MM * size * np.exp(bounded_normal(rng, 0.1 * spread))),
    )
