"""Selection, orientation and size of the slices of a preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flarecli.geometry import Grid, Window
from flarecli.measures.organ_profiles import OrganProfile
from flarecli.preview.slice_choice import choose_slices

_LEAST_DISTANCE_MM = 12.0  # between two slices of a plane; nearer ones look alike
_LEAST_CELL_PX = (220, 96)  # width and height: room for caption and letters around the thinnest slice


@dataclass(frozen=True)
class Plane:
    """One of the three planes and its orientation on the picture.

    Every axis falls on the picture: superior or anterior is on top, the patient's right or front on the left.

    Attributes:
        name: Its name.
        axis: The axis that it is cut across, of (z, y, x).
        sides: Letters of the directions on the left, right, top and bottom.
        row: Row of the sheet.
        slices: Number of slices wanted.
    """

    name: str
    axis: int
    sides: tuple[str, str, str, str]
    row: int
    slices: int

    @property
    def in_plane_axes(self) -> tuple[int, int]:
        """Axes that run down and across the picture."""
        down, across = (axis for axis in range(3) if axis != self.axis)
        return down, across


PLANES = (
    Plane("axial", 0, ("R", "L", "A", "P"), row=0, slices=4),
    Plane("coronal", 1, ("R", "L", "S", "I"), row=1, slices=2),
    Plane("sagittal", 2, ("A", "P", "S", "I"), row=1, slices=2),
)


@dataclass(frozen=True)
class Panel:
    """One slice on the sheet.

    Attributes:
        plane: Its plane.
        index: Its index along the plane's axis.
        view: What it shows, as an index into the volume that gives (rows, columns) from top left.
        extent_mm: Its size down and across.
        caption: Plane and world coordinate of the slice's centre, as viewers show it.
    """

    plane: Plane
    index: int
    view: tuple[slice | int, ...]
    extent_mm: tuple[float, float]
    caption: str

    def picture_px(self, px_per_mm: float) -> tuple[int, int]:
        """Width and height of its picture."""
        down_mm, across_mm = self.extent_mm
        return max(2, round(across_mm * px_per_mm)), max(2, round(down_mm * px_per_mm))

    def cell_px(self, px_per_mm: float) -> tuple[int, int]:
        """Width and height of its place on the sheet."""
        width, height = self.picture_px(px_per_mm)
        return max(width, _LEAST_CELL_PX[0]), max(height, _LEAST_CELL_PX[1])


def choose_panels(profiles: Sequence[OrganProfile], grid: Grid, frame: Window) -> list[Panel]:
    """Choose the slices of every plane.

    Args:
        profiles: Where the organs lie.
        grid: The scan's grid.
        frame: The part of the scan to show.
    """
    panels = []
    for plane in PLANES:
        counts = np.stack([profile.counts_zyx[plane.axis] for profile in profiles])
        least_distance = max(1, round(_LEAST_DISTANCE_MM / grid.spacing_mm[plane.axis]))
        down_mm, across_mm = (
            (frame[axis].stop - frame[axis].start) * grid.spacing_mm[axis] for axis in plane.in_plane_axes
        )
        panels += [
            Panel(plane, index, _view(plane, index, frame), (down_mm, across_mm), _caption(plane, index, grid))
            for index in choose_slices(counts, frame[plane.axis], plane.slices, least_distance)
        ]
    return panels


def _view(plane: Plane, index: int, frame: Window) -> tuple[slice | int, ...]:
    return tuple(index if axis == plane.axis else _falling(part) for axis, part in enumerate(frame))


def _falling(part: slice) -> slice:
    return slice(part.stop - 1, part.start - 1 if part.start else None, -1)


def _caption(plane: Plane, index: int, grid: Grid) -> str:
    centre_zyx = [(length - 1) / 2 for length in grid.shape_zyx]
    centre_zyx[plane.axis] = index
    world_mm = grid.affine_ras[:3, :3] @ centre_zyx[::-1] + grid.affine_ras[:3, 3]
    axis_xyz = 2 - plane.axis
    return f"{plane.name}  {'xyz'[axis_xyz]} {world_mm[axis_xyz]:.0f} mm"
