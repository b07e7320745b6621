"""The window of flarelite's second stage, and the first stage's probabilities in it."""

from __future__ import annotations

import math

import numpy as np

from flarecli.geometry import Grid, Window, bounding_window
from flarecli.resample import resample_separable, sampled_matrix
from flarecli.systems.flarelite.network_grid import NetworkGrid


def window_around_labels(labels: np.ndarray, located: NetworkGrid, scan: Grid, margin_mm: float) -> Window | None:
    """The window of the scan around the organs of the first stage, with a margin; None where there are none.

    Args:
        labels: uint8 label map of shape `located.shape_zyx`.
        located: Its grid.
        scan: The scan's.
        margin_mm: Margin on all sides, as far as the scan reaches.
    """
    organs = bounding_window(labels)
    if organs is None:
        return None
    window = []
    for axis, (seen, size, spacing_mm) in enumerate(zip(located.window, scan.shape_zyx, scan.spacing_mm, strict=True)):
        start_mm = organs[axis].start * located.spacing_mm[axis] - margin_mm
        stop_mm = organs[axis].stop * located.spacing_mm[axis] + margin_mm
        start, stop = seen.start + math.floor(start_mm / spacing_mm), seen.start + math.ceil(stop_mm / spacing_mm)
        window.append(slice(max(0, start), min(size, stop)))
    z, y, x = window
    return z, y, x


def region_probabilities(probabilities: np.ndarray, located: NetworkGrid, refined: NetworkGrid) -> np.ndarray:
    """The first stage's probabilities of the organs, on the grid of the second.

    Args:
        probabilities: float32, shape (classes, z, y, x), on `located`, padding included or not.
        located: The grid of the first stage.
        refined: The grid of the second. Where it reaches farther, the first stage's outermost values are extrapolated.

    Returns:
        float32 array of shape (classes - 1, z, y, x), sizes as `refined.padded_zyx`; zero in the padding.
    """
    organs = probabilities[(slice(1, None), *located.inside)]
    matrices = []
    for n_in, seen, part, n_out in zip(
        located.shape_zyx, located.window, refined.window, refined.shape_zyx, strict=True
    ):
        in_scan = part.start + (np.arange(n_out) + 0.5) * ((part.stop - part.start) / n_out)
        in_located = (in_scan - seen.start) * (n_in / (seen.stop - seen.start))
        matrices.append(sampled_matrix(n_in, in_located - 0.5))
    out = np.zeros((len(organs), *refined.padded_zyx), np.float32)
    for target, organ in zip(out, organs, strict=True):
        target[refined.inside] = resample_separable(organ, *matrices)
    return out
