"""Detection of the body in a scan, so that the networks do not compute air and table."""

from __future__ import annotations

import numpy as np

from flarecli.geometry import Grid, Window
from flarecli.systems.components import largest_components
from flarecli.systems.flarelite.constants import FlareliteConstants

_FACES = 6
"""Body and table belong together only where they share faces of voxels."""


def body_window(voxels: np.ndarray, grid: Grid, constants: FlareliteConstants) -> Window:
    """The window that holds the body, over the whole length of the scan.

    The body is the largest connected component of voxels denser than air. It extends as far as sagittal and coronal
    planes that hold enough of it, so that folds of a blanket that touch it do not count.

    Args:
        voxels: int16 HU, shape (z, y, x), canonical RAS+.
        grid: The scan's.

    Returns:
        A window with a margin, as far as the scan reaches; the whole scan where there is no body.
    """
    steps = [max(1, round(constants.body_step_mm / spacing)) for spacing in grid.spacing_mm]
    looked_at = voxels[tuple(slice(None, None, step) for step in steps)]
    body = largest_components(looked_at > constants.body_least_hu, 1, connectivity=_FACES)
    window = [slice(0, grid.shape_zyx[0])]
    for axis in (1, 2):
        size, step = grid.shape_zyx[axis], steps[axis]
        inside = np.flatnonzero(body.mean(axis=(0, 3 - axis)) > constants.body_plane_share)
        if inside.size == 0:
            window.append(slice(0, size))
            continue
        margin = round(constants.body_margin_mm / grid.spacing_mm[axis])
        start, stop = int(inside[0]) * step - margin, (int(inside[-1]) + 1) * step + margin
        window.append(slice(max(0, start), min(size, stop)))
    z, y, x = window
    return z, y, x
