"""Nearest points between two surfaces on one lattice, without a distance map.

Nearly every surface point has a neighbour of the other surface close by, so the lattice offsets are tried
from the shortest on, on the points that are still without a neighbour: the work grows with the surface, not
with the volume. The few points that are far from everything are left to a search tree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from flarecli.metrics.surface_elements import corner_codes, on_surface

_TREE_BEYOND_OFFSETS = 2000
"""About as many offsets as cost a far point the same time as one query of the tree does (measured)."""

_TREE_MARGIN = 1 + 1e-9
"""Relative margin of the tree's search radius: it rounds otherwise than `lengths_mm`, whose length decides."""


@dataclass(frozen=True)
class Stencil:
    """Lattice offsets around a point, from the shortest to the longest.

    Attributes:
        offsets: intp array of shape `(k, 3)`, the point itself first.
        lengths_mm: float64 array of shape `(k,)`, ascending.
        radius_mm: No offset of at most this length is missing.
    """

    offsets: NDArray[np.intp]
    lengths_mm: NDArray[np.float64]
    radius_mm: float

    @property
    def margin(self) -> tuple[int, int, int]:
        """How far the stencil reaches along each axis, in lattice steps."""
        m0, m1, m2 = (int(reach) for reach in self.offsets.max(axis=0))
        return m0, m1, m2


class LatticeSurface:
    """The surface points of a mask on the lattice of its voxel corners, with a margin around it.

    Args:
        mask: bool array of shape `(n0, n1, n2)`.
        margin: Lattice steps to add on both sides of each axis.
    """

    def __init__(self, mask: NDArray[np.bool_], margin: tuple[int, int, int]) -> None:
        codes = corner_codes(mask, margin)
        self.shape = codes.shape
        self.marks: NDArray[np.bool_] = on_surface(codes).reshape(-1)
        """Whether each lattice point lies on the surface, flat."""
        self.points: NDArray[np.intp] = np.flatnonzero(self.marks)
        """Flat indices of the surface points, ascending."""
        self.codes: NDArray[np.uint8] = codes.reshape(-1)[self.points]
        """Neighbourhood code of each surface point."""

    @cached_property
    def coordinates(self) -> NDArray[np.intp]:
        """Lattice coordinates of the surface points, shape `(number of points, 3)`."""
        return self.coordinates_of(self.points)

    def coordinates_of(self, points: NDArray[np.intp]) -> NDArray[np.intp]:
        """Lattice coordinates of flat indices, shape `(number of points, 3)`."""
        return np.stack(np.unravel_index(points, self.shape), axis=1)


@lru_cache(maxsize=64)
def stencil_within(spacing_mm: tuple[float, float, float], limit_mm: float) -> Stencil:
    """All offsets of at most `limit_mm`, or within a smaller radius where the tree is better beyond it."""
    radius_mm = min(limit_mm, _stencil_radius_mm(spacing_mm))
    reach = [math.floor(radius_mm / step_mm) + 1 for step_mm in spacing_mm]
    axes = np.meshgrid(*(np.arange(-steps, steps + 1) for steps in reach), indexing="ij")
    offsets = np.stack(axes, axis=-1).reshape(-1, 3)
    lengths = lengths_mm(offsets, spacing_mm)
    inside = np.flatnonzero(lengths <= radius_mm)
    order = inside[np.argsort(lengths[inside], kind="stable")]
    return Stencil(offsets[order], lengths[order], radius_mm)


def _stencil_radius_mm(spacing_mm: tuple[float, float, float]) -> float:
    """Radius of a ball of about the worthwhile number of offsets, however long and thin the voxels are."""
    radius_mm = (_TREE_BEYOND_OFFSETS * math.prod(spacing_mm) * 3 / (4 * math.pi)) ** (1 / 3)
    while math.prod(2 * (radius_mm / step_mm) + 1 for step_mm in spacing_mm) > 4 * _TREE_BEYOND_OFFSETS:
        radius_mm *= 0.8
    return radius_mm


def lengths_mm(offsets: NDArray[np.intp], spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Euclidean lengths of lattice offsets `(k, 3)` in the official script's arithmetic.

    Squares are summed in float64 from the last axis (x) to the first (z), the order of the script's x, y, z
    arrays: whether a distance equal to the tolerance counts may depend on the last bit.
    """
    s0, s1, s2 = spacing_mm
    d0, d1, d2 = offsets[:, 0], offsets[:, 1], offsets[:, 2]
    lengths: NDArray[np.float64] = np.sqrt(((d2 * s2) ** 2 + (d1 * s1) ** 2) + (d0 * s0) ** 2)
    return lengths


def nearest_distances_mm(
    source: LatticeSurface,
    target: LatticeSurface,
    spacing_mm: tuple[float, float, float],
    *,
    stencil: Stencil,
    limit_mm: float,
) -> NDArray[np.float64]:
    """Distance of each point of `source` to the nearest point of `target`.

    Args:
        source: Where distances start; on the same lattice as `target`, both with the stencil's margin.
        target: Where they end.
        spacing_mm: Lattice steps along the three axes.
        stencil: From `stencil_within(spacing_mm, limit_mm)`.
        limit_mm: Greater distances need not be exact.

    Returns:
        float64 array of the shape of `source.points`: exact up to and including `limit_mm`, infinite beyond.
    """
    distances_mm = np.full(source.points.shape, np.inf)
    strides = np.array([source.shape[1] * source.shape[2], source.shape[2], 1])
    open_points, open_places = source.points, np.arange(len(source.points))
    for step, length_mm in zip((stencil.offsets @ strides).tolist(), stencil.lengths_mm.tolist(), strict=True):
        is_open = ~target.marks.take(open_points + step)
        if not is_open.all():
            distances_mm[open_places[~is_open]] = length_mm
            open_points, open_places = open_points[is_open], open_places[is_open]
        if not len(open_points):
            return distances_mm
    if stencil.radius_mm < limit_mm and len(target.points):
        distances_mm[open_places] = _tree_distances_mm(source, open_points, target, spacing_mm, limit_mm)
    return distances_mm


def _tree_distances_mm(
    source: LatticeSurface,
    points: NDArray[np.intp],
    target: LatticeSurface,
    spacing_mm: tuple[float, float, float],
    limit_mm: float,
) -> NDArray[np.float64]:
    """Distances by a search tree over `target`."""
    from scipy.spatial import KDTree  # costs a fifth of a second, and most cases have no far points

    starts = source.coordinates_of(points)
    tree = KDTree(target.coordinates * spacing_mm, balanced_tree=False, compact_nodes=False)
    _, found = tree.query(starts * spacing_mm, distance_upper_bound=limit_mm * _TREE_MARGIN)
    distances_mm = np.full(points.shape, np.inf)
    is_found = found < len(target.points)
    exact_mm = lengths_mm(starts[is_found] - target.coordinates[found[is_found]], spacing_mm)
    distances_mm[is_found] = np.where(exact_mm <= limit_mm, exact_mm, np.inf)
    return distances_mm
