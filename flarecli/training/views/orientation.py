"""Canonical arrays in the orientation of a network."""

from __future__ import annotations

import numpy as np

from flarecli.training.views.scan import LabelledScan

ORIENTATIONS = ("RAS", "LPS")
"""Directions in which the index grows along x, y and z. RAS is canonical."""


def oriented(array: np.ndarray, orientation: str) -> np.ndarray:
    """A canonical array (z, y, x) in an orientation, or the other way round; C-contiguous."""
    return np.ascontiguousarray(array[:, ::-1, ::-1] if orientation == "LPS" else array)


class OrientedView:
    """A view that takes scans as they are but for their orientation.

    Attributes:
        orientation: One of `ORIENTATIONS`.
    """

    orientation: str

    def scan_of(
        self, number: int, hu: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float, float]
    ) -> LabelledScan:
        """See `View`."""
        return LabelledScan(number, oriented(hu, self.orientation), oriented(labels, self.orientation), spacing_mm)
