"""Canonical arrays in the orientation of a network."""

from __future__ import annotations

import numpy as np

ORIENTATIONS = ("RAS", "LPS")
"""Directions in which the index grows along x, y and z. RAS is canonical."""


def oriented(array: np.ndarray, orientation: str) -> np.ndarray:
    """A canonical array (z, y, x) in an orientation, or the other way round; C-contiguous."""
    return np.ascontiguousarray(array[:, ::-1, ::-1] if orientation == "LPS" else array)
