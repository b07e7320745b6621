"""A patient's build, which all organs share: size, variation of shapes, spine, and the cavity around the organs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flarecli.phantom.drawing.shapes import ellipsoid_depth
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.randomness import bounded_normal, drawn_factor

Position = Sequence[np.ndarray]
"""Arrays z, y, x in mm."""

_SPINE_Y_MM = -46.0
_CAVITY_CENTRE_MM = np.array([-8.0, 3.0, 0.0])
_CAVITY_RADII_MM = np.array([112.0, 100.0, 142.0])
_PROPORTION_SPREAD = 0.04


@dataclass(frozen=True)
class Build:
    """A patient's build.

    Attributes:
        scale: Factors of lengths along z, y and x.
        spread: Scale of the variation of shapes and positions; 1 as between real patients.
    """

    scale: np.ndarray
    spread: float

    @property
    def size(self) -> float:
        """Mean factor of lengths."""
        return float(self.scale.mean())

    @property
    def spine_y_mm(self) -> float:
        """Middle of the vertebral bodies."""
        return float(_SPINE_Y_MM * self.scale[1])

    def cavity_depth(self, position: Position) -> np.ndarray:
        """Depth inside the rib cage, mm: an ellipsoid dome on an elliptical cylinder."""
        z, y, x = position
        centre = _CAVITY_CENTRE_MM * self.scale
        # Below the centre it is a cylinder.
        above = np.maximum(z, np.float32(centre[0]))
        return ellipsoid_depth((above, y, x), centre, _CAVITY_RADII_MM * self.scale)


def draw_build(rng: np.random.Generator, options: PhantomOptions) -> Build:
    """Draw a patient's build."""
    size = np.exp(bounded_normal(rng, options.size_spread)) * drawn_factor(rng, options.size)
    proportions = np.exp(bounded_normal(rng, _PROPORTION_SPREAD * options.shape_spread, 3))
    return Build(size * proportions, options.shape_spread)
