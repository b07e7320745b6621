"""The definition of the surface scores written out, slowly: the yardstick of the fast implementation.

Areas come from scikit-image's marching cubes and not from the table under test.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from skimage.measure import marching_cubes

Spacing = tuple[float, float, float]


@cache
def triangle_vectors(code: int) -> tuple[tuple[float, float, float], ...]:
    """Area vectors, without signs, of the triangles of a 2x2x2 neighbourhood in a cube of unit edges."""
    if code.bit_count() > 4:
        code = 255 - code
    cube = np.array([code >> (7 - place) & 1 for place in range(8)], dtype=np.float64).reshape(2, 2, 2)
    vertices, faces, _, _ = marching_cubes(cube, 0.5, method="lorensen", allow_degenerate=True)
    corners = vertices.astype(np.float64)[faces]
    vectors = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    return tuple(tuple(vector) for vector in np.abs(vectors).tolist())


def surface_elements(mask: np.ndarray, spacing_mm: Spacing) -> list[tuple[tuple[int, int, int], float]]:
    """Lattice point and area in mm² of every surface element."""
    s0, s1, s2 = spacing_mm
    padded = np.pad(mask, 1)
    elements = []
    for point in product(*(range(n + 1) for n in mask.shape)):
        block = padded[tuple(slice(p, p + 2) for p in point)]
        code = int((block.reshape(-1) << np.arange(7, -1, -1)).sum())
        if 0 < code < 255:
            area = sum(
                float(np.sqrt((a * s1 * s2) ** 2 + (b * s0 * s2) ** 2 + (c * s0 * s1) ** 2))
                for a, b, c in triangle_vectors(code)
            )
            elements.append((point, area))
    return elements


def directed_distances(
    source: list[tuple[tuple[int, int, int], float]],
    target: list[tuple[tuple[int, int, int], float]],
    spacing_mm: Spacing,
) -> np.ndarray:
    """Distance of each source element to the nearest target element, every pair looked at."""
    if not source or not target:
        return np.full(len(source), np.inf)
    starts, ends = (np.array([point for point, _ in elements]) for elements in (source, target))
    d0, d1, d2 = np.moveaxis(starts[:, None] - ends[None], -1, 0)
    s0, s1, s2 = spacing_mm
    return np.sqrt(((d2 * s2) ** 2 + (d1 * s1) ** 2) + (d0 * s0) ** 2).min(axis=1)


def surface_dice(pred: np.ndarray, gt: np.ndarray, spacing_mm: Spacing, tolerance_mm: float) -> float:
    """NSD by the definition; 1 for two empty masks."""
    ours, theirs = surface_elements(pred, spacing_mm), surface_elements(gt, spacing_mm)
    if not ours and not theirs:
        return 1.0
    within = total = 0.0
    for source, target in ((ours, theirs), (theirs, ours)):
        areas = np.array([area for _, area in source])
        within += areas[directed_distances(source, target, spacing_mm) <= tolerance_mm].sum()
        total += areas.sum()
    return within / total
