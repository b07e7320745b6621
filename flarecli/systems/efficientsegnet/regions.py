"""Which window of the scan the fine network of EfficientSegNet sees.

Windows are whole voxels of the canonical grid RAS+, which is the orientation that the networks were trained in.
"""

from __future__ import annotations

import math

import numpy as np

from flarecli.errors import InputError
from flarecli.geometry import Box, Grid
from flarecli.systems.efficientsegnet.constants import EfficientSegNetConstants

Window = tuple[slice, slice, slice]
"""Ranges of voxels along z, y and x."""


def window_around_mask(mask: np.ndarray, grid: Grid, constants: EfficientSegNetConstants) -> Window | None:
    """The window around the true voxels of a coarse mask, with the margin around organs.

    In the order and with the truncations of the authors' code: the far side ends with the last voxel itself, not
    behind it, and coarse indices are scaled by the ratio of sizes. The margin absorbs both.

    Args:
        mask: bool array that covers the scan.
        grid: The scan's.

    Returns:
        The window, inside the scan. None when no voxel is true.
    """
    window = []
    for axis, (size, spacing) in enumerate(zip(grid.shape_zyx, grid.spacing_mm, strict=True)):
        inside = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if inside.size == 0:
            return None
        zoom = size / mask.shape[axis]
        margin = constants.region_margin_mm / spacing
        start = max(0, int(int(inside[0] * zoom) - margin))
        stop = min(size, int(int(inside[-1] * zoom) + margin))
        # Only with voxels larger than the margin does the rule of the code leave nothing.
        window.append(slice(start, max(stop, start + 1)))
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


_FACES = (("inferior", "superior"), ("posterior", "anterior"), ("left", "right"))
"""Names of the lower and upper face along z, y and x."""


def cut_faces(
    window_labels: np.ndarray, window: Window, grid: Grid, constants: EfficientSegNetConstants
) -> tuple[str, ...]:
    """The faces of a window that lie inside the scan and have organs right behind them.

    Args:
        window_labels: uint8 label map of the window, shape (z, y, x).
        window: Where it lies.
        grid: The scan's.
    """
    found = []
    for axis, part in enumerate(window):
        others = [step for other, step in enumerate(grid.spacing_mm) if other != axis]
        for side, is_inside in enumerate((part.start > 0, part.stop < grid.shape_zyx[axis])):
            face = window_labels.take(-side, axis=axis)
            if is_inside and np.count_nonzero(face) * math.prod(others) > constants.touch_area_mm2:
                found.append(_FACES[axis][side])
    return tuple(found)
