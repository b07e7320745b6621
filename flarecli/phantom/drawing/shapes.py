"""Shapes as signed distance functions (positive inside): ellipsoids, tubes, smooth union and intersection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from flarecli.geometry import Window
from flarecli.phantom.drawing.canvas import BoxMm, Canvas, box_around


def rotation_zyx(angles_deg: Sequence[float] | np.ndarray) -> np.ndarray:
    """3x3 matrix of rotations about the z, y and x axes, in this order, for vectors (z, y, x)."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(angles_deg)):
        first, second = [a for a in range(3) if a != axis]
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def smooth_minimum(a: np.ndarray, b: np.ndarray, blend_mm: float) -> np.ndarray:
    """Smooth minimum of two depths (intersection), its edge rounded over `blend_mm`."""
    overlap = np.maximum(blend_mm - np.abs(a - b), 0)
    return np.minimum(a, b) - overlap * overlap * np.float32(0.25 / blend_mm)


def smooth_maximum(a: np.ndarray, b: np.ndarray, blend_mm: float) -> np.ndarray:
    """Smooth maximum of two depths (union), its edge rounded over `blend_mm`."""
    return -smooth_minimum(-a, -b, blend_mm)


def ellipsoid_depth(
    position: Sequence[np.ndarray],
    centre: Sequence[float] | np.ndarray,
    radii: Sequence[float] | np.ndarray,
    turn: np.ndarray | None = None,
) -> np.ndarray:
    """Depth in an ellipsoid, exact on its axes near the surface; `turn` maps patient to ellipsoid axes."""
    oz, oy, ox = (p - np.float32(c) for p, c in zip(position, centre, strict=True))
    if turn is not None:
        oz, oy, ox = (r[0] * oz + r[1] * oy + r[2] * ox for r in turn.astype(np.float32))
    near = np.zeros_like(oz)
    steep = np.full_like(oz, 1e-9)
    for offset, radius in zip((oz, oy, ox), radii, strict=True):
        offset *= np.float32(1 / radius)
        offset *= offset
        near += offset
        offset *= np.float32(1 / radius**2)
        steep += offset
    norm = np.sqrt(near)
    return norm * (1 - norm) / np.sqrt(steep)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid.

    Attributes:
        centre: (z, y, x), mm.
        radii: Along its own axes, mm.
        angles_deg: Rotations about z, y and x that give the orientation of its axes.
    """

    centre: Sequence[float] | np.ndarray
    radii: Sequence[float] | np.ndarray
    angles_deg: Sequence[float] = (0.0, 0.0, 0.0)

    def box(self) -> BoxMm:
        """Bounding box."""
        turn = rotation_zyx(self.angles_deg)
        return box_around(np.asarray(self.centre), np.sqrt(turn**2 @ np.square(self.radii)))

    def depth(self, canvas: Canvas, margin_mm: float = 0.0) -> tuple[Window, np.ndarray] | None:
        """See `Shape`."""
        window = canvas.window(self.box(), margin_mm)
        if window is None:
            return None
        turn = rotation_zyx(self.angles_deg).T if any(self.angles_deg) else None
        return window, ellipsoid_depth(canvas.at(window), self.centre, self.radii, turn)


@dataclass(frozen=True)
class Tube:
    """A tube along a chain of points.

    Attributes:
        points: Float array of shape `(n, 3)`, (z, y, x) in mm.
        radii: Float array of shape `(n,)`, mm; interpolated along the chain.
        flattening: Factors of distances along z, y and x; above 1 the tube is thinner that way.
    """

    points: np.ndarray
    radii: np.ndarray
    flattening: tuple[float, float, float] = field(default=(1.0, 1.0, 1.0))

    def box(self) -> BoxMm:
        """Box that encloses it."""
        widest = self.radii.copy()
        widest[1:] = np.maximum(widest[1:], self.radii[:-1])
        widest[:-1] = np.maximum(widest[:-1], self.radii[1:])
        reach = widest[:, None] + 1e-3
        return (self.points - reach).min(0), (self.points + reach).max(0)

    def depth(self, canvas: Canvas, margin_mm: float = 0.0) -> tuple[Window, np.ndarray] | None:
        """See `Shape`. Far from the tube the depth is -1000."""
        window = canvas.window(self.box(), margin_mm)
        if window is None:
            return None
        displaced_mm = canvas.displacements(window)
        depth = np.full(tuple(s.stop - s.start for s in window), -1000, np.float32)
        for start, end, r0, r1 in zip(self.points[:-1], self.points[1:], self.radii[:-1], self.radii[1:], strict=True):
            reach = max(r0, r1)
            box = np.minimum(start, end) - reach, np.maximum(start, end) + reach
            part = canvas.window(box, margin_mm, displaced_mm)
            if part is None:
                continue
            # Rounding can make a segment's window stick out of the tube's by a voxel.
            inner = tuple(slice(max(p.start, w.start), min(p.stop, w.stop)) for p, w in zip(part, window, strict=True))
            local = tuple(slice(p.start - w.start, p.stop - w.start) for p, w in zip(inner, window, strict=True))
            segment = segment_depth(canvas.at((inner[0], inner[1], inner[2])), start, end, r0, r1, self.flattening)
            np.maximum(depth[local], segment, out=depth[local])
        return window, depth


def segment_depth(
    position: Sequence[np.ndarray],
    start: np.ndarray,
    end: np.ndarray,
    start_radius: float,
    end_radius: float,
    flattening: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> np.ndarray:
    """Depth in a capsule whose radius changes from one end to the other."""
    axis = [float(e - s) * f for s, e, f in zip(start, end, flattening, strict=True)]
    oz, oy, ox = (
        (p - np.float32(s)) * np.float32(f) if f != 1 else p - np.float32(s)
        for p, s, f in zip(position, start, flattening, strict=True)
    )
    length2 = np.float32(max(axis[0] ** 2 + axis[1] ** 2 + axis[2] ** 2, 1e-6))
    dot = oz * np.float32(axis[0])
    dot += oy * np.float32(axis[1])
    dot += ox * np.float32(axis[2])
    along = np.minimum(np.maximum(dot * (1 / length2), np.float32(0)), np.float32(1))
    # |o - t a|^2 = |o|^2 + t (t |a|^2 - 2 o.a), with t the place along the axis a.
    dot *= np.float32(-2)
    dot += along * length2
    dot *= along
    for offset in (oz, oy, ox):
        offset *= offset
        dot += offset
    np.maximum(dot, 0, out=dot)
    np.sqrt(dot, out=dot)
    along *= np.float32(end_radius - start_radius)
    along += np.float32(start_radius)
    along -= dot
    return np.asarray(along)


def smooth_curve(points: np.ndarray, count: int) -> np.ndarray:
    """Catmull-Rom curve through `points` (n, k), sampled at `count` places, shape `(count, k)`.

    Columns beyond the position (a radius) are interpolated with it.
    """
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    place = np.linspace(0, len(points) - 1, count)
    base = np.minimum(place.astype(int), len(points) - 2)
    t = (place - base)[:, None]
    p0, p1, p2, p3 = (padded[base + k] for k in range(4))
    return 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)


def tube_through(points: Sequence[Sequence[float]] | np.ndarray, count: int = 12, **shape: tuple) -> Tube:
    """Smooth tube through rows of (z, y, x, radius), mm."""
    curve = smooth_curve(np.asarray(points, float), count)
    return Tube(curve[:, :3], np.maximum(curve[:, 3], 0.5), **shape)
