"""Organs without any data: liver, kidneys, spleen and pancreas from ellipsoids, shells and curved tubes.

Sizes and places follow measurements of adult label maps (mean and spread of volumes, extents, centroids and
principal axes); the constants below are in mm in the frame of `anatomy` with x = 0 on the midline, for a patient of
mean size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from flarecli.phantom.anatomy import Anatomy, OrganShape
from flarecli.phantom.canvas import BoxMm, box_around
from flarecli.phantom.options import REALISTIC, PhantomOptions
from flarecli.phantom.randomness import bounded_normal
from flarecli.phantom.shapes import (
    ellipsoid_depth,
    rotation_zyx,
    segment_depth,
    smooth_curve,
    smooth_maximum,
    smooth_minimum,
)

Position = Sequence[np.ndarray]

SPINE_Y_MM = -46.0
_CAVITY_CENTRE = (-8.0, 3.0, 0.0)
_CAVITY_RADII = (112.0, 100.0, 142.0)
_CAVA_GROOVE_MM = 13.0
"""Radius of the groove in the liver where the vena cava runs."""

_GAP_MM = 2.5
"""Fat between two organs that would touch."""


@dataclass(frozen=True)
class _Cavity:
    """Inside of the rib cage under the diaphragm: an ellipsoid dome on an elliptical cylinder."""

    scale: np.ndarray

    def depth(self, position: Position) -> np.ndarray:
        z, y, x = position
        centre = np.asarray(_CAVITY_CENTRE) * self.scale
        above = np.maximum(z - np.float32(centre[0]), 0) + np.float32(centre[0])
        return ellipsoid_depth((above, y, x), centre, np.asarray(_CAVITY_RADII) * self.scale)


@dataclass(frozen=True)
class _Kidney:
    """A bean: an ellipsoid bent towards the midline, with a sinus in its medial face."""

    centre: np.ndarray
    turn: np.ndarray
    radii: np.ndarray
    side: float
    bend: float
    sinus: float

    def depth(self, position: Position) -> np.ndarray:
        rows = self.turn.astype(np.float32)
        offsets = [p - np.float32(c) for p, c in zip(position, self.centre, strict=True)]
        w, a, b = (r[0] * offsets[0] + r[1] * offsets[1] + r[2] * offsets[2] for r in rows)
        lateral = b * np.float32(self.side)
        length, thick, wide = (float(r) for r in self.radii)
        lateral = lateral + np.float32(self.bend * wide) * (np.square(w * np.float32(1 / length)) - np.float32(0.3))
        bean = ellipsoid_depth((w, a, lateral), (0, 0, 0), self.radii)
        hollow = ellipsoid_depth(
            (w, a, lateral), (0, 0.1 * thick, -0.85 * wide), (0.42 * length, 0.42 * thick, self.sinus * wide)
        )
        return smooth_minimum(bean, -hollow, 4.0)

    def box(self) -> BoxMm:
        return box_around(self.centre, [self.radii[0] + 8] * 3)


@dataclass(frozen=True)
class _Spleen:
    """A shell on the inside of the cavity's wall, thickest at its middle."""

    cavity: _Cavity
    centre: np.ndarray
    turn_deg: float
    half_length: float
    half_width: float
    thickness: float

    def depth(self, position: Position) -> np.ndarray:
        z, y, x = position
        from_wall = self.cavity.depth(position)
        # Around the wall (along the ribs) and up, turned so that the anterior end lies lower.
        reach = float(np.hypot(self.centre[1], self.centre[2]))
        angle = np.arctan2(y - np.float32(3), -x) - np.float32(np.arctan2(self.centre[1] - 3, -self.centre[2]))
        around = angle * np.float32(reach)
        up = z - np.float32(self.centre[0])
        c, s = np.float32(np.cos(np.deg2rad(self.turn_deg))), np.float32(np.sin(np.deg2rad(self.turn_deg)))
        along, across = c * around - s * up, s * around + c * up
        footprint = np.square(along * np.float32(1 / self.half_length)) + np.square(
            across * np.float32(1 / self.half_width)
        )
        roof = np.float32(self.thickness) * (1 - footprint)
        return smooth_minimum((roof - from_wall) * np.float32(0.8), from_wall - np.float32(2), 14.0)

    def box(self) -> BoxMm:
        reach = max(self.half_length, self.half_width) + 14
        low = self.centre - [reach, reach + 10, reach * 0.8]
        high = self.centre + [reach, reach + 10, reach + 10]
        high[2] = min(high[2], -4.0)
        return low, high


@dataclass(frozen=True)
class _Pancreas:
    """A flattened tube from the duodenum over the spine to the hilum of the spleen."""

    curve: np.ndarray

    def depth(self, position: Position) -> np.ndarray:
        depth: np.ndarray | None = None
        for start, end in zip(self.curve[:-1], self.curve[1:], strict=True):
            segment = segment_depth(position, start[:3], end[:3], start[3], end[3], (0.78, 1.25, 1.0))
            depth = segment if depth is None else smooth_maximum(depth, segment, 4.0)
        if depth is None:
            raise ValueError("a pancreas needs a curve of two points at least")
        return depth

    def box(self) -> BoxMm:
        reach = 1.4 * self.curve[:, 3].max()
        return self.curve[:, :3].min(0) - reach, self.curve[:, :3].max(0) + reach


@dataclass(frozen=True)
class _Liver:
    """Right and left lobe inside the cavity, cut by the visceral surface below and the spine behind."""

    cavity: _Cavity
    scale: np.ndarray
    right_radii: np.ndarray
    left_centre: np.ndarray
    left_radii: np.ndarray
    tip_z: float
    slope: float
    hollow: float
    waves: np.ndarray
    fissure_mm: float

    def depth(self, position: Position) -> np.ndarray:
        z, y, x = position
        sz, sy, sx = (np.float32(s) for s in self.scale)
        right = ellipsoid_depth(
            position, np.array([-2.0, 4.0, 64.0]) * self.scale, self.right_radii * self.scale
        )
        left = ellipsoid_depth(
            position, self.left_centre * self.scale, self.left_radii * self.scale, _LEFT_LOBE_TURN
        )
        visceral = (
            z / sz
            - np.float32(self.tip_z)
            - np.float32(self.slope) * (np.float32(132) - x / sx)
            + np.float32(0.12) * y / sy
            + np.float32(6) * np.sin(x * np.float32(1 / 30) + np.float32(self.waves[0]))
            + np.float32(6) * np.sin(y * np.float32(1 / 24) + np.float32(self.waves[1]))
        ) * np.float32(1 / np.hypot(1, self.slope))
        right = smooth_minimum(right, visceral, 18.0)
        lobes = smooth_maximum(right, left, 16.0)
        stomach_bed = ellipsoid_depth(
            position,
            np.array([-34.0, 6.0, -12.0]) * self.scale,
            np.array([62.0, 48.0, 58.0]) * self.scale * self.hollow,
        )
        spine = np.float32(46) - np.hypot(y - np.float32(SPINE_Y_MM + 4), x * np.float32(0.95))
        fissure = ellipsoid_depth(position, np.array([-12.0, 62.0, -4.0]) * self.scale, (34.0, 30.0, self.fissure_mm))
        cava = np.float32(_CAVA_GROOVE_MM) - np.hypot(
            y - np.float32(SPINE_Y_MM + 44), x - np.float32(24)
        )
        lobes = smooth_minimum(lobes, -stomach_bed, 12.0)
        lobes = smooth_minimum(lobes, -cava, 4.0)
        lobes = smooth_minimum(lobes, -fissure, 5.0)
        lobes = smooth_minimum(lobes, -spine, 8.0)
        return smooth_minimum(lobes, self.cavity.depth(position) - np.float32(3), 6.0)

    def box(self) -> BoxMm:
        return np.array([-125.0, -100, -125]) * self.scale, np.array([125.0, 118, 150]) * self.scale


_LEFT_LOBE_TURN = rotation_zyx((0.0, 0.0, 0.0))


def procedural_anatomy(rng: np.random.Generator, options: PhantomOptions = REALISTIC) -> Anatomy:
    """Draw the organs of a patient.

    Args:
        rng: Source of every random choice.
        options: Spread of sizes and probabilities of a missing kidney and a large spleen.
    """
    spread = options.shape_spread
    size = np.exp(bounded_normal(rng, options.size_spread))
    scale = size * np.exp(bounded_normal(rng, 0.04 * spread, 3))
    cavity = _Cavity(scale)
    missing = rng.choice((-1, 1)) if rng.random() < options.missing_kidney else 0
    large_spleen = rng.random() < options.splenomegaly

    kidneys = [
        _draw_kidney(rng, side, scale, spread, lone=missing != 0) for side in (1.0, -1.0) if side != missing
    ]
    spleen = _draw_spleen(rng, cavity, scale, spread, large=large_spleen)
    pancreas = _draw_pancreas(rng, scale, spread)
    liver = _draw_liver(rng, cavity, scale, spread)

    beside_kidneys = [kidney.depth for kidney in kidneys]
    organs = [OrganShape(2, kidney.box(), kidney.depth, 0.5) for kidney in kidneys]
    organs.append(OrganShape(3, spleen.box(), partial(_apart, spleen.depth, beside_kidneys), 0.8))
    organs.append(
        OrganShape(1, liver.box(), partial(_apart, liver.depth, [*beside_kidneys, spleen.depth]), 1.0)
    )
    organs.append(
        OrganShape(
            4,
            pancreas.box(),
            partial(_apart, pancreas.depth, [*beside_kidneys, spleen.depth, liver.depth]),
            1.3,
        )
    )
    return Anatomy(tuple(organs), "procedural", midline_x_mm=0.0, spine_y_mm=SPINE_Y_MM)


def _apart(depth, others, position: Position) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Depth of a body that yields to others, leaving a gap of fat."""
    own = depth(position)
    for other in others:
        own = smooth_minimum(own, np.float32(-_GAP_MM) - other(position), 5.0)
    return own


def _draw_kidney(
    rng: np.random.Generator, side: float, scale: np.ndarray, spread: float, *, lone: bool
) -> _Kidney:
    mean = np.array([-61.0, -36.0, 70.0]) if side > 0 else np.array([-52.0, -38.0, -70.0])
    centre = (mean + spread * bounded_normal(rng, (11, 6, 5))) * scale
    growth = np.exp(bounded_normal(rng, 0.05 * spread)) * (1.2 if lone else 1.0)
    radii = np.array([57.5, 24.5, 30.0]) * growth * np.exp(bounded_normal(rng, 0.05 * spread, 3)) * scale.mean()
    # Upper poles lean to the midline and backwards; the hilum looks forwards and to the midline.
    angles = np.array([side * -32.0, side * 14.0, -18.0]) + spread * bounded_normal(rng, (10, 5, 6))
    return _Kidney(
        centre=centre,
        turn=rotation_zyx(angles).T,
        radii=radii,
        side=side,
        bend=float(np.clip(0.55 + bounded_normal(rng, 0.1), 0.2, 0.9)),
        sinus=float(np.clip(0.75 + bounded_normal(rng, 0.12), 0.4, 1.05)),
    )


def _draw_spleen(
    rng: np.random.Generator, cavity: _Cavity, scale: np.ndarray, spread: float, *, large: bool
) -> _Spleen:
    growth = np.exp(bounded_normal(rng, 0.1 * spread)) * (rng.uniform(1.25, 1.6) if large else 1.0)
    return _Spleen(
        cavity=cavity,
        centre=(np.array([10.0, -52.0, -108.0]) + spread * bounded_normal(rng, (12, 9, 4))) * scale,
        turn_deg=float(28 + bounded_normal(rng, 12 * spread)),
        half_length=float(71 * growth * scale.mean()),
        half_width=float(48 * growth * scale.mean()),
        thickness=float(50 * growth * np.exp(bounded_normal(rng, 0.1 * spread)) * scale.mean()),
    )


_PANCREAS_CURVE = np.array(
    [
        (-66.0, 8.0, 30.0, 9.0),
        (-48.0, 14.0, 34.0, 13.5),
        (-33.0, 24.0, 24.0, 12.5),
        (-25.0, 34.0, 6.0, 9.5),
        (-20.0, 33.0, -16.0, 10.5),
        (-16.0, 20.0, -40.0, 11.0),
        (-10.0, -2.0, -62.0, 11.5),
        (-4.0, -24.0, -81.0, 9.5),
    ]
)
"""Points (z, y, x) and radius from the uncinate process over head, neck and body to the tail."""


def _draw_pancreas(rng: np.random.Generator, scale: np.ndarray, spread: float) -> _Pancreas:
    knots = _PANCREAS_CURVE.copy()
    knots[:, :3] += spread * bounded_normal(rng, (9, 5, 7))
    knots[:, :3] += spread * bounded_normal(rng, np.array((4, 3, 3)), (len(knots), 3))
    # The tail climbs to the hilum of the spleen, more in some patients than in others.
    knots[:, 0] += bounded_normal(rng, 8 * spread) * np.linspace(0, 1, len(knots)) ** 2
    knots[:, :3] *= scale
    knots[:, 3] *= scale.mean() * np.exp(bounded_normal(rng, 0.1 * spread))
    knots[:, 3] *= np.exp(bounded_normal(rng, 0.08 * spread, len(knots)))
    return _Pancreas(smooth_curve(knots, 14))


def _draw_liver(rng: np.random.Generator, cavity: _Cavity, scale: np.ndarray, spread: float) -> _Liver:
    return _Liver(
        cavity=cavity,
        scale=scale,
        right_radii=np.array([96.0, 92.0, 80.0]) * np.exp(bounded_normal(rng, 0.04 * spread, 3)),
        left_centre=np.array([32.0, 42.0, -8.0]) + spread * bounded_normal(rng, (7, 5, 6)),
        left_radii=np.array([36.0, 40.0, 74.0]) * np.exp(bounded_normal(rng, 0.08 * spread, 3)),
        tip_z=float(-95 + bounded_normal(rng, 16 * spread)),
        slope=float(np.clip(0.72 + bounded_normal(rng, 0.1 * spread), 0.4, 1.2)),
        waves=rng.uniform(0, 2 * np.pi, 2),
        fissure_mm=rng.uniform(1.0, 6.0),
        hollow=float(np.clip(1 + bounded_normal(rng, 0.06 * spread), 0.8, 1.2)),
    )
