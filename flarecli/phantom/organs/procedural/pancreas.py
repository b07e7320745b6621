"""The pancreas: a flattened tube from the duodenum over the spine to the hilum of the spleen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.phantom.drawing.canvas import BoxMm
from flarecli.phantom.drawing.shapes import segment_depth, smooth_curve
from flarecli.phantom.organs.procedural.build import Build, Position
from flarecli.phantom.randomness import bounded_normal

_CURVE_MM = np.array(
    [
        (-66.0, 8.0, 30.0, 9.5),
        (-48.0, 14.0, 34.0, 14.3),
        (-33.0, 24.0, 24.0, 13.2),
        (-25.0, 34.0, 6.0, 10.1),
        (-20.0, 33.0, -16.0, 11.1),
        (-16.0, 20.0, -40.0, 11.7),
        (-10.0, -2.0, -62.0, 12.2),
        (-4.0, -24.0, -81.0, 10.1),
    ]
)
"""Points (z, y, x) and radius from the uncinate process over head, neck and body to the tail."""

_SEGMENTS = 13
_FLATTENING = (0.78, 1.25, 1.0)
"""Taller than thick."""


@dataclass(frozen=True)
class Pancreas:
    """A tube.

    Attributes:
        curve: Array `(n, 4)`: z, y, x and radius, mm.
    """

    curve: np.ndarray

    def depth(self, position: Position) -> np.ndarray:
        """Depth below its surface, mm."""
        depth = np.full(position[0].shape, -np.inf, np.float32)
        for start, end in zip(self.curve[:-1], self.curve[1:], strict=True):
            segment = segment_depth(position, start[:3], end[:3], start[3], end[3], _FLATTENING)
            np.maximum(depth, segment, out=depth)
        return depth

    def box(self) -> BoxMm:
        """Box that encloses it."""
        reach = self.curve[:, 3].max() / min(_FLATTENING)
        return self.curve[:, :3].min(0) - reach, self.curve[:, :3].max(0) + reach


def draw_pancreas(rng: np.random.Generator, build: Build) -> Pancreas:
    """Draw it."""
    spread = build.spread
    knots = _CURVE_MM.copy()
    knots[:, :3] += spread * bounded_normal(rng, (9, 5, 7))
    knots[:, :3] += spread * bounded_normal(rng, np.array((4, 3, 3)), (len(knots), 3))
    # The tail rises to the hilum of the spleen, more in some patients than in others.
    knots[:, 0] += bounded_normal(rng, 8 * spread) * np.linspace(0, 1, len(knots)) ** 2
    knots[:, :3] *= build.scale
    knots[:, 3] *= build.size * np.exp(bounded_normal(rng, 0.1 * spread))
    knots[:, 3] *= np.exp(bounded_normal(rng, 0.08 * spread, len(knots)))
    return Pancreas(smooth_curve(knots, _SEGMENTS + 1))
