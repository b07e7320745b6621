"""Where voxels lie: grids, boxes in millimetres, and orientations.

Everything is in (z, y, x) order and canonical RAS+: the index along z grows to the patient's Superior, along y to
Anterior, along x to Right. World coordinates are the NIfTI ones (x to the Right, y to Anterior, z to Superior, mm).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np


@dataclass(frozen=True)
class Grid:
    """A regular grid of voxels in the world.

    Attributes:
        shape_zyx: Number of voxels along z, y and x.
        spacing_mm: Distance between voxel centres along z, y and x.
        affine_ras: 4x4 float64 matrix from the index (x, y, z) of a voxel centre to world mm, as NIfTI defines it.
    """

    shape_zyx: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    affine_ras: np.ndarray

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Edge-to-edge length of the grid along z, y and x."""
        z, y, x = (n * step for n, step in zip(self.shape_zyx, self.spacing_mm, strict=True))
        return z, y, x

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return abs(float(np.linalg.det(self.affine_ras[:3, :3]))) / 1000.0


@dataclass(frozen=True)
class Box:
    """An axis-aligned box on a grid, in millimetres from the outer corner of voxel (0, 0, 0).

    A voxel of index i spans from i * spacing to (i + 1) * spacing. A box may reach beyond its grid.

    Attributes:
        start_mm: Lower corner along z, y and x.
        end_mm: Upper corner along z, y and x.
    """

    start_mm: tuple[float, float, float]
    end_mm: tuple[float, float, float]

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Edge lengths along z, y and x."""
        z, y, x = (end - start for start, end in zip(self.start_mm, self.end_mm, strict=True))
        return z, y, x

    def contains(self, other: Box) -> bool:
        """Whether `other` lies inside this box, faces included."""
        return all(a <= b for a, b in zip(self.start_mm, other.start_mm, strict=True)) and all(
            a >= b for a, b in zip(self.end_mm, other.end_mm, strict=True)
        )


def world_box(grid: Grid, corner_mm: Sequence[float], opposite_mm: Sequence[float]) -> Box:
    """The smallest box on a grid that holds a box given in the world.

    Args:
        grid: The grid.
        corner_mm: One corner (x, y, z) in world mm.
        opposite_mm: The opposite corner (x, y, z) in world mm; the order of the two does not matter.
    """
    corners = np.array(list(product(*zip(corner_mm, opposite_mm, strict=True))))
    to_index = np.linalg.inv(grid.affine_ras)
    index_zyx = (corners @ to_index[:3, :3].T + to_index[:3, 3])[:, ::-1]
    edges_mm = (index_zyx + 0.5) * np.asarray(grid.spacing_mm)
    low, high = edges_mm.min(axis=0).tolist(), edges_mm.max(axis=0).tolist()
    return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))
