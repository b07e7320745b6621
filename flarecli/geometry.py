"""Where voxels lie: grids, windows of whole voxels, and boxes in millimetres.

Everything is in (z, y, x) order and canonical RAS+: the index along z grows to the patient's Superior, along y to
Anterior, along x to Right. World coordinates are the NIfTI ones (x to the Right, y to Anterior, z to Superior, mm).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from flarecli.errors import InputError

Window = tuple[slice, slice, slice]
"""Ranges of voxels along z, y and x."""

WORD_BYTES = 8
"""Rows of whole words are searched fastest."""

_FACES = (("inferior", "superior"), ("posterior", "anterior"), ("left", "right"))
"""Names of the lower and upper face along z, y and x."""


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


def whole_window(grid: Grid) -> Window:
    """All voxels of a grid."""
    z, y, x = (slice(0, size) for size in grid.shape_zyx)
    return z, y, x


def bounding_window(*volumes: NDArray[np.generic]) -> Window | None:
    """The smallest window that holds everything other than zero in all `volumes`; None where there is nothing.

    Args:
        volumes: Arrays of one shape (z, y, x), integer or bool, any strides.
    """
    rows = np.logical_or.reduce([np.bitwise_or.reduce(_in_words(volume), axis=2) for volume in volumes])
    z, y = occupied_span(rows.any(axis=1)), occupied_span(rows.any(axis=0))
    if z is None or y is None:
        return None
    columns = [np.bitwise_or.reduce(volume[z, y], axis=(0, 1)) for volume in volumes]
    x = occupied_span(np.logical_or.reduce(columns))
    return None if x is None else (z, y, x)


def content_window(volume: NDArray[np.generic]) -> Window:
    """The smallest window that holds everything other than zero; the whole array where there is nothing.

    Args:
        volume: Array (z, y, x), integer or bool, any strides.
    """
    z, y, x = (slice(0, size) for size in volume.shape)
    return bounding_window(volume) or (z, y, x)


def occupied_span(values: NDArray[np.generic]) -> slice | None:
    """The smallest range of a 1-D array that holds all values other than zero; None where there are none."""
    places = np.flatnonzero(values)
    return slice(int(places[0]), int(places[-1]) + 1) if places.size else None


def window_of_box(box_mm: Box, grid: Grid) -> Window:
    """The voxels that a box meets.

    Raises:
        InputError: when it meets none.
    """
    window = []
    for size, spacing, start_mm, end_mm in zip(
        grid.shape_zyx, grid.spacing_mm, box_mm.start_mm, box_mm.end_mm, strict=True
    ):
        start, stop = max(0, math.floor(start_mm / spacing)), min(size, math.ceil(end_mm / spacing))
        if start >= stop:
            raise InputError(
                "the region to segment lies outside the scan",
                seen=f"{box_mm.start_mm} to {box_mm.end_mm} mm (z, y, x)",
                expected=f"a region that meets the scan's {grid.extent_mm} mm",
                remedy="Give a box inside the scan, or use `--roi full`.",
            )
        window.append(slice(start, stop))
    z, y, x = window
    return z, y, x


def box_of_window(window: Window, grid: Grid) -> Box:
    """The outer faces of a window in millimetres."""
    z0, y0, x0 = (part.start * step for part, step in zip(window, grid.spacing_mm, strict=True))
    z1, y1, x1 = (part.stop * step for part, step in zip(window, grid.spacing_mm, strict=True))
    return Box((z0, y0, x0), (z1, y1, x1))


def cut_faces(window_labels: np.ndarray, window: Window, grid: Grid, touch_area_mm2: float) -> tuple[str, ...]:
    """The faces of a window that lie inside the scan and have organs right behind them.

    Args:
        window_labels: uint8 label map of the window, shape (z, y, x).
        window: Where it lies.
        grid: The scan's.
        touch_area_mm2: How much of a face organs may cover before they count as cut there.
    """
    found = []
    for axis, part in enumerate(window):
        others = [step for other, step in enumerate(grid.spacing_mm) if other != axis]
        for side, is_inside in enumerate((part.start > 0, part.stop < grid.shape_zyx[axis])):
            face = window_labels.take(-side, axis=axis)
            if is_inside and np.count_nonzero(face) * math.prod(others) > touch_area_mm2:
                found.append(_FACES[axis][side])
    return tuple(found)


def _in_words(volume: NDArray[np.generic]) -> NDArray[np.generic]:
    """The same bytes as words along the last axis where they fit: emptiness is then tested in fewer steps."""
    row_bytes = volume.shape[2] * volume.itemsize
    if volume.flags.c_contiguous and row_bytes % WORD_BYTES == 0 and volume.size:
        return volume.view(np.uint64)
    return volume


def greatest_distance_mm(one_ras: np.ndarray, other_ras: np.ndarray, shape_zyx: tuple[int, int, int]) -> float:
    """How far apart a voxel of a grid lies under two affines; their difference is greatest at a corner.

    Args:
        one_ras: 4x4 matrix from the index (x, y, z) to world mm.
        other_ras: Another one.
        shape_zyx: Number of voxels along z, y and x.
    """
    z, y, x = shape_zyx
    corners = np.array([(*corner, 1) for corner in product((0, x - 1), (0, y - 1), (0, z - 1))])
    return float(np.linalg.norm(corners @ (one_ras - other_ras)[:3].T, axis=1).max())


def widened(window: Sequence[slice], margins: Sequence[int], shape: Sequence[int]) -> Window:
    """A window with margins, in voxels along each axis, inside an array of this shape."""
    z, y, x = (
        slice(max(0, part.start - margin), min(size, part.stop + margin))
        for part, margin, size in zip(window, margins, shape, strict=True)
    )
    return z, y, x
