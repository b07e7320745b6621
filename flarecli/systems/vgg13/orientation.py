"""Conversion between canonical slices and those of the VGG-13 U-Net.

The network was trained on slices whose rows run to the patient's Left and whose columns run to Posterior: the
canonical slice transposed, and both axes reversed.
"""

from __future__ import annotations

import numpy as np


def turned_view(plane: np.ndarray) -> np.ndarray:
    """A canonical slice (y, x) as the network has it, or one of the network's as canonical; a view, no copy."""
    return plane.T[::-1, ::-1]
