"""The input grids of flarelite's networks: nearly isotropic, with as little padding as possible."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flarecli.geometry import Grid, Window, box_of_window
from flarecli.systems.flarelite.constants import SpacingRange


@dataclass(frozen=True)
class NetworkGrid:
    """The input grid of a network over a window of the scan.

    Attributes:
        window: What it covers, in voxels of the scan.
        shape_zyx: Voxels that cover the window edge to edge.
        spacing_mm: Their size.
        padded_zyx: Voxels of the network's input; those beyond `shape_zyx`, at the upper ends, hold air.
    """

    window: Window
    shape_zyx: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    padded_zyx: tuple[int, int, int]

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        z, y, x = self.spacing_mm
        return z * y * x

    @property
    def inside(self) -> Window:
        """The part of the network's input that shows the window."""
        z, y, x = (slice(0, size) for size in self.shape_zyx)
        return z, y, x


def network_grid(window: Window, scan: Grid, spacing: SpacingRange, multiple: int) -> NetworkGrid:
    """The grid over a window of the scan.

    Padding costs as much as voxels of the scan. The window is therefore spread over the whole input that its size at
    the coarsest spacing needs, and padding is added only where voxels would be finer than the finest spacing.

    Args:
        window: What the grid covers.
        scan: Grid of the scan.
        spacing: Sizes that voxels may have.
        multiple: Sizes of the network's input are multiples of this.
    """
    extent_mm = box_of_window(window, scan).extent_mm
    # Rounded, so that no file's inexact voxel size asks for a multiple more.
    padded = [multiple * math.ceil(round(extent / spacing.coarsest_mm / multiple, 4)) for extent in extent_mm]
    shape = [
        max(1, min(size, round(extent / spacing.finest_mm))) for size, extent in zip(padded, extent_mm, strict=True)
    ]
    z, y, x = (extent / size for extent, size in zip(extent_mm, shape, strict=True))
    return NetworkGrid(window, (shape[0], shape[1], shape[2]), (z, y, x), (padded[0], padded[1], padded[2]))
