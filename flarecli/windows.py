"""Windows: ranges of whole voxels of a scan, and their relation to boxes in millimetres and to what they cut."""

from __future__ import annotations

import math

import numpy as np

from flarecli.errors import InputError
from flarecli.geometry import Box, Grid

Window = tuple[slice, slice, slice]
"""Ranges of voxels along z, y and x."""

_FACES = (("inferior", "superior"), ("posterior", "anterior"), ("left", "right"))
"""Names of the lower and upper face along z, y and x."""


def whole_window(grid: Grid) -> Window:
    """All voxels of a grid."""
    z, y, x = (slice(0, size) for size in grid.shape_zyx)
    return z, y, x


def bounding_window(mask: np.ndarray) -> Window | None:
    """The smallest window that holds all true voxels of a mask; None where there is none."""
    window: list[slice] = []
    for axis in range(3):
        # Each axis is searched in what the axes before have left.
        inside = mask[tuple(window)]
        used = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        if used.size == 0:
            return None
        window.append(slice(int(used[0]), int(used[-1]) + 1))
    z, y, x = window
    return z, y, x


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
