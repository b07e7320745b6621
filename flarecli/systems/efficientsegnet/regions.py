"""The window of the scan that is the input of EfficientSegNet's fine network.

Windows lie on the canonical grid RAS+, which is the orientation that the networks were trained in.
"""

from __future__ import annotations

import numpy as np

from flarecli.geometry import Grid, Window, bounding_window
from flarecli.systems.efficientsegnet.constants import EfficientSegNetConstants


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
    organs = bounding_window(mask)
    if organs is None:
        return None
    window = []
    for axis, (size, spacing) in enumerate(zip(grid.shape_zyx, grid.spacing_mm, strict=True)):
        zoom = size / mask.shape[axis]
        margin = constants.region_margin_mm / spacing
        start = max(0, int(int(organs[axis].start * zoom) - margin))
        stop = min(size, int(int((organs[axis].stop - 1) * zoom) + margin))
        # Only with voxels larger than the margin does the rule of the code leave nothing.
        window.append(slice(start, max(stop, start + 1)))
    z, y, x = window
    return z, y, x
