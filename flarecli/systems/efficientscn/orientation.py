"""Conversion between the canonical RAS+ grid and EfficientSCN's orientation LPS.

The networks were trained on arrays whose index grows to Superior, Posterior and Left. From canonical arrays
that is a view with y and x reversed, and back is the same step again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.geometry import Box, Grid
from flarecli.systems.efficientscn.constants import EfficientScnConstants


def flipped_view(array: np.ndarray) -> np.ndarray:
    """An RAS+ array of shape (z, y, x) seen in LPS, or an LPS array seen in RAS+; a view, no copy."""
    return array[:, ::-1, ::-1]


@dataclass(frozen=True)
class LpsFrame:
    """The millimetres in which EfficientSCN computes on one scan, measured from the corner of the LPS array.

    Attributes:
        shape_zyx: Of the scan.
        spacing_mm: Of the scan, as the system takes it; the grid's own unless the constants replace it.
        grid_spacing_mm: Of the canonical grid.
    """

    shape_zyx: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    grid_spacing_mm: tuple[float, float, float]

    @staticmethod
    def of_grid(grid: Grid, constants: EfficientScnConstants) -> LpsFrame:
        """The frame of a scan."""
        spacing_mm = grid.spacing_mm
        if spacing_mm == (1.0, 1.0, 1.0) and constants.assumed_spacing_of_unit_mm is not None:
            spacing_mm = constants.assumed_spacing_of_unit_mm
        return LpsFrame(grid.shape_zyx, spacing_mm, grid.spacing_mm)

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Edge-to-edge length of the scan along z, y and x, in the system's millimetres."""
        z, y, x = (n * step for n, step in zip(self.shape_zyx, self.spacing_mm, strict=True))
        return z, y, x

    def from_canonical(self, box_mm: Box) -> Box:
        """A box of the canonical grid in this frame."""
        return self._flipped(box_mm, self.grid_spacing_mm, self.spacing_mm)

    def to_canonical(self, box_lps_mm: Box) -> Box:
        """A box of this frame on the canonical grid."""
        return self._flipped(box_lps_mm, self.spacing_mm, self.grid_spacing_mm)

    def _flipped(self, box: Box, unit_from: tuple[float, ...], unit_to: tuple[float, ...]) -> Box:
        """Reverse y and x of a box, and express it in another length of a voxel."""
        (z0, y0, x0), (z1, y1, x1) = box.start_mm, box.end_mm
        _, y_end, x_end = (n * step for n, step in zip(self.shape_zyx, unit_from, strict=True))
        z, y, x = (to / of for to, of in zip(unit_to, unit_from, strict=True))
        return Box((z0 * z, (y_end - y1) * y, (x_end - x1) * x), (z1 * z, (y_end - y0) * y, (x_end - x0) * x))
