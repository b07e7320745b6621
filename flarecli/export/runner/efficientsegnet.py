"""EfficientSegNet: the organ region in the whole scan, the organs in that region, labels on the scan's grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from flarecli.export.runner.components import bounding_window, largest_components
from flarecli.export.runner.networks import Network
from flarecli.export.runner.nifti import Scan, ScanError
from flarecli.export.runner.resampling import (
    Window,
    aligned_positions,
    linear_matrix,
    neighbours,
    resample,
    restored_scores,
)


def segment(scan: Scan, networks: dict[str, Network], method: dict[str, Any]) -> np.ndarray:
    """The label map of a scan, uint8, shape (z, y, x)."""
    coarse_zyx, fine_zyx = method["coarse_shape_zyx"], method["fine_shape_zyx"]
    logits = networks["coarse"](network_input(scan.hu, coarse_zyx, method)[None, None])[0]
    extent = [count * step for count, step in zip(scan.hu.shape, scan.spacing_mm, strict=True)]
    least = method["coarse_minimum_mm3"] / (math.prod(extent) / math.prod(coarse_zyx))
    organs = np.zeros(logits.shape[1:], bool)
    for organ, count in zip(logits, method["kept_components"], strict=True):
        organs |= largest_components(organ >= 0, count, least)
    window = window_around(organs, scan, method["region_margin_mm"])
    if window is None:
        raise ScanError("no organ region was found in the scan")
    logits = networks["fine"](network_input(scan.hu[window], fine_zyx, method)[None, None])[0]
    labels = np.zeros(scan.hu.shape, np.uint8)
    inside = labels[window]
    least = method["fine_minimum_mm3"] / math.prod(scan.spacing_mm)
    if method["fine_minimum_in_network_voxels"]:
        least *= math.prod(fine_zyx) / math.prod(inside.shape)
    taps = [
        neighbours(n_in, aligned_positions(n_in, n_out)) for n_in, n_out in zip(fine_zyx, inside.shape, strict=True)
    ]
    for label, (organ, count) in enumerate(zip(logits, method["kept_components"], strict=True), start=1):
        mask = np.stack([restored_scores(organ[None], index, taps)[0] >= 0 for index in range(len(inside))])
        inside[largest_components(mask, count, least)] = label
    return labels


def network_input(hu: np.ndarray, shape_zyx: list[int], method: dict[str, Any]) -> np.ndarray:
    """A window of the scan resized with its outermost voxel centres kept, clipped and standardised."""
    matrices = [
        linear_matrix(n_in, aligned_positions(n_in, n_out)) for n_in, n_out in zip(hu.shape, shape_zyx, strict=True)
    ]
    low, high = method["window_hu"]
    image = np.clip(resample(hu, *matrices), np.float32(low), np.float32(high))
    deviation = image.std(ddof=1, dtype=np.float64)
    image -= np.float32(image.mean(dtype=np.float64))
    return image / np.float32(deviation + method["deviation_epsilon"])


def window_around(mask: np.ndarray, scan: Scan, margin_mm: float) -> Window | None:
    """The window of the scan around the voxels of a mask that covers it, with a margin; None where there are none."""
    organs = bounding_window(mask)
    if organs is None:
        return None
    window = []
    for axis, (size, spacing) in enumerate(zip(scan.hu.shape, scan.spacing_mm, strict=True)):
        zoom, margin = size / mask.shape[axis], margin_mm / spacing
        start = max(0, int(int(organs[axis].start * zoom) - margin))
        stop = min(size, int(int((organs[axis].stop - 1) * zoom) + margin))
        window.append(slice(start, max(stop, start + 1)))
    z, y, x = window
    return z, y, x
