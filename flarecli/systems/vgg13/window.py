"""Which voxels of a scan a request for a region means."""

from __future__ import annotations

import math

from flarecli.errors import InputError
from flarecli.geometry import Box, Grid
from flarecli.systems.base import RegionRequest

Window = tuple[slice, slice, slice]
"""Ranges of voxels along z, y and x."""


def voxel_window(region: RegionRequest, grid: Grid) -> Window:
    """The voxels that a box touches, or all of them where none is given: no organ region is looked for.

    Raises:
        InputError: when the box lies outside the scan.
    """
    box = region.box_mm or Box((0.0, 0.0, 0.0), grid.extent_mm)
    z, y, x = (
        slice(max(0, math.floor(start / step)), min(count, math.ceil(end / step)))
        for start, end, step, count in zip(box.start_mm, box.end_mm, grid.spacing_mm, grid.shape_zyx, strict=True)
    )
    if any(axis.start >= axis.stop for axis in (z, y, x)):
        raise InputError(
            "the region to segment lies outside the scan",
            seen=f"{box.start_mm} to {box.end_mm} mm (z, y, x)",
            expected=f"a box that meets the scan, which ends at {grid.extent_mm} mm",
            remedy="Give a box inside the scan, or leave it out to segment the whole scan.",
        )
    return z, y, x


def window_box(window: Window, grid: Grid) -> Box:
    """The box of a window, from edge to edge."""
    starts = [axis.start * step for axis, step in zip(window, grid.spacing_mm, strict=True)]
    ends = [axis.stop * step for axis, step in zip(window, grid.spacing_mm, strict=True)]
    return Box((starts[0], starts[1], starts[2]), (ends[0], ends[1], ends[2]))
