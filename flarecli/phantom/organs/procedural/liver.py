"""The liver: two lobes under the diaphragm, with the impressions of neighbouring organs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.phantom.drawing.canvas import BoxMm
from flarecli.phantom.drawing.shapes import ellipsoid_depth, smooth_maximum, smooth_minimum
from flarecli.phantom.organs.procedural.build import Build, Position
from flarecli.phantom.randomness import bounded_normal

_BOX_MM = (np.array([-140.0, -100.0, -125.0]), np.array([125.0, 118.0, 150.0]))
_RIGHT_CENTRE_MM = np.array([-2.0, 4.0, 64.0])
_RIGHT_RADII_MM = np.array([96.0, 92.0, 80.0])
_LEFT_CENTRE_MM = np.array([32.0, 42.0, -8.0])
_LEFT_RADII_MM = np.array([36.0, 40.0, 74.0])
_STOMACH_BED_MM = np.array([-34.0, 6.0, -12.0])
_STOMACH_RADII_MM = np.array([62.0, 48.0, 58.0])
_FISSURE_MM = np.array([-12.0, 62.0, -4.0])
_RIGHT_EDGE_X_MM = 132.0
_SPINE_RADIUS_MM = 46.0
_CAVA_MM = (44.0, 24.0)
"""The vena cava's place before and right of the spine's middle."""
_CAVA_GROOVE_RADIUS_MM = 13.0
_DIAPHRAGM_MM = 3.0


@dataclass(frozen=True)
class Liver:
    """Right and left lobe inside the cavity, bounded by the visceral surface below and the spine behind.

    Attributes:
        build: The patient's.
        right_radii: Of the right lobe's ellipsoid before scaling, mm.
        left_centre: Of the left lobe's, mm.
        left_radii: Of the left lobe's, mm.
        tip_z: Inferior end of the right lobe, mm.
        slope: Slope of the visceral surface towards the left.
        hollow: Size factor of the impression of stomach and bowel.
        waves: Phases of the visceral surface's undulation along x and y, radians.
        fissure_mm: Half the width of the fissure between the lobes.
    """

    build: Build
    right_radii: np.ndarray
    left_centre: np.ndarray
    left_radii: np.ndarray
    tip_z: float
    slope: float
    hollow: float
    waves: np.ndarray
    fissure_mm: float

    def depth(self, position: Position) -> np.ndarray:
        """Depth below its surface, mm."""
        scale = self.build.scale
        right = ellipsoid_depth(position, _RIGHT_CENTRE_MM * scale, self.right_radii * scale)
        right = smooth_minimum(right, self._above_viscera(position), 18.0)
        left = ellipsoid_depth(position, self.left_centre * scale, self.left_radii * scale)
        depth = smooth_maximum(right, left, 16.0)
        bed = ellipsoid_depth(position, _STOMACH_BED_MM * scale, _STOMACH_RADII_MM * scale * self.hollow)
        fissure = ellipsoid_depth(position, _FISSURE_MM * scale, (34.0, 30.0, self.fissure_mm))
        _, y, x = position
        before_spine = y - np.float32(self.build.spine_y_mm)
        size = self.build.size
        spine = np.float32(_SPINE_RADIUS_MM * size) - np.hypot(before_spine - 4, x)
        cava = np.float32(_CAVA_GROOVE_RADIUS_MM) - np.hypot(
            before_spine - np.float32(_CAVA_MM[0] * size), x - np.float32(_CAVA_MM[1] * size)
        )
        for groove, blend_mm in ((bed, 12.0), (cava, 4.0), (fissure, 5.0), (spine, 8.0)):
            depth = smooth_minimum(depth, -groove, blend_mm)
        under_diaphragm = self.build.cavity_depth(position) - np.float32(_DIAPHRAGM_MM)
        return smooth_minimum(depth, under_diaphragm, 6.0)

    def box(self) -> BoxMm:
        """Box that encloses it."""
        return _BOX_MM[0] * self.build.scale, _BOX_MM[1] * self.build.scale

    def _above_viscera(self, position: Position) -> np.ndarray:
        """Height over the undulating plane of the visceral surface, measured across it, mm."""
        z, y, x = (p / np.float32(s) for p, s in zip(position, self.build.scale, strict=True))
        plane = np.float32(self.tip_z) + np.float32(self.slope) * (np.float32(_RIGHT_EDGE_X_MM) - x)
        plane -= np.float32(0.12) * y
        plane -= 7 * np.sin(x / np.float32(30) + np.float32(self.waves[0]))
        plane -= 9 * np.sin(y / np.float32(26) + np.float32(self.waves[1]))
        return (z - plane) / np.float32(np.hypot(1, self.slope))


def draw_liver(rng: np.random.Generator, build: Build) -> Liver:
    """Draw it."""
    spread = build.spread
    return Liver(
        build=build,
        right_radii=_RIGHT_RADII_MM * np.exp(bounded_normal(rng, 0.04 * spread, 3)),
        left_centre=_LEFT_CENTRE_MM + spread * bounded_normal(rng, (7, 5, 6)),
        left_radii=_LEFT_RADII_MM * np.exp(bounded_normal(rng, 0.08 * spread, 3)),
        tip_z=float(-95 + bounded_normal(rng, 16 * spread)),
        slope=float(np.clip(0.72 + bounded_normal(rng, 0.1 * spread), 0.4, 1.2)),
        hollow=float(np.clip(1 + bounded_normal(rng, 0.06 * spread), 0.8, 1.2)),
        waves=rng.uniform(0, 2 * np.pi, 2),
        fissure_mm=float(rng.uniform(1.0, 6.0)),
    )
