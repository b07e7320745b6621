"""Outlines of a mask on one slice as single closed polygons, holes included.

Source: DICOM PS3.3 §C.8.8.6.3: an inner contour is connected with the outer one by a channel of no width (keyhole),
so that programs that fill every contour and those that combine them (XOR) read the same.
"""

from __future__ import annotations

import numpy as np
from skimage.measure import find_contours, points_in_poly

_FEWEST_POINTS = 3


def outlines_of(mask: np.ndarray, tolerance_px: float = 0.0) -> list[np.ndarray]:
    """The outlines of a mask.

    Args:
        mask: bool, shape (rows, columns).
        tolerance_px: How far a simplified outline may lie from the exact one, in steps of the grid; 0 keeps all.

    Returns:
        float64 arrays of shape (points, 2), row and column, halfway between voxels inside and outside; the first point
        is not repeated. One array for each connected region, with its holes.
    """
    rings = [_simplified(ring, tolerance_px) for ring in find_contours(np.pad(mask, 1).astype(np.float32), 0.5)]
    rings = [ring - 1 for ring in rings]
    islands = [ring for ring in rings if _area(ring) > 0]
    holes: list[list[np.ndarray]] = [[] for _ in islands]
    for ring in rings:
        if _area(ring) <= 0:
            holes[_around(ring, islands)].append(ring)
    return [_keyholed(island, inner) for island, inner in zip(islands, holes, strict=True)]


def _simplified(ring: np.ndarray, tolerance_px: float) -> np.ndarray:
    """A ring without its repeated first point."""
    if not tolerance_px:
        return ring[:-1]
    from skimage.measure import approximate_polygon  # imports scipy.signal and scipy.stats, which takes over a second

    simple = approximate_polygon(ring, tolerance_px)[:-1]
    return simple if len(simple) >= _FEWEST_POINTS else ring[:-1]


def _area(ring: np.ndarray) -> float:
    """Positive around voxels inside, negative around holes, as scikit-image winds them."""
    rows, columns = ring[:, 0], ring[:, 1]
    return float(columns @ np.roll(rows, -1) - rows @ np.roll(columns, -1)) / 2


def _around(hole: np.ndarray, islands: list[np.ndarray]) -> int:
    """The smallest island around a hole."""
    around = [number for number, island in enumerate(islands) if points_in_poly(hole[:1], island)[0]]
    return min(around, key=lambda number: abs(_area(islands[number])), default=0)


def _keyholed(island: np.ndarray, holes: list[np.ndarray]) -> np.ndarray:
    """One polygon: each hole is entered and left through its nearest point."""
    polygon = island
    remaining = list(holes)
    while remaining:
        nearest = min(range(len(remaining)), key=lambda number: _gap(polygon, remaining[number])[0])
        hole = remaining.pop(nearest)
        _, at, entry = _gap(polygon, hole)
        turned = np.roll(hole, -entry, axis=0)
        polygon = np.concatenate([polygon[: at + 1], turned, turned[:1], polygon[at:]])
    return polygon


def _gap(polygon: np.ndarray, hole: np.ndarray) -> tuple[float, int, int]:
    """The shortest distance between two rings' points, squared, and which points these are."""
    distances = ((polygon[:, np.newaxis] - hole[np.newaxis]) ** 2).sum(axis=2)
    at, entry = np.unravel_index(int(distances.argmin()), distances.shape)
    return float(distances[at, entry]), int(at), int(entry)
