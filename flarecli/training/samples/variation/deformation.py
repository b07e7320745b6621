"""Rotates, scales and deforms a whole labelled scan on its own grid."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from flarecli.geometry import widened
from flarecli.training.views.scan import LabelledScan
from flarecli.training.views.spatial_map import SpatialMap, SpatialRanges, draw_map

_AIR_HU = -1024.0


def deformed(scan: LabelledScan, ranges: SpatialRanges, rng: np.random.Generator) -> LabelledScan:
    """Resample a scan through a random spatial map.

    The image is interpolated linearly, the labels by majority vote, so that borders stay smooth.

    Args:
        scan: The scan.
        ranges: Ranges of the map's parameters.
        rng: Random numbers; the same number of them is drawn every time.
    """
    extent = [n * step for n, step in zip(scan.image.shape, scan.spacing_mm, strict=True)]
    z, y, x = ((n - 1) / 2 * step for n, step in zip(scan.image.shape, scan.spacing_mm, strict=True))
    mapping = draw_map(
        ranges,
        rng,
        sample_middle_mm=(z, y, x),
        scan_middle_mm=(z, y, x),
        extent_mm=(extent[0], extent[1], extent[2]),
    )
    positions = _positions(mapping, scan)
    # Outside of a clipped scan, the lower end of its window.
    outside = max(_AIR_HU, float(scan.image.min()))
    image = ndimage.map_coordinates(
        scan.image, positions, output=np.float32, order=1, mode="constant", cval=outside, prefilter=False
    )
    labels = _labels_at(scan.labels, positions)
    return LabelledScan(scan.number, np.rint(image).astype(scan.image.dtype), labels, scan.spacing_mm)


def _positions(mapping: SpatialMap, scan: LabelledScan) -> np.ndarray:
    depth, height, width = scan.image.shape
    return mapping.positions((depth, height, width), scan.spacing_mm, scan.spacing_mm)


def _labels_at(labels: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The label with the largest interpolated fraction at each position, among those nearby."""
    nearest = ndimage.map_coordinates(labels, positions, output=np.uint8, order=0, mode="constant", cval=0)
    found = ndimage.find_objects(nearest)
    result = np.zeros_like(nearest)
    best = np.full(nearest.shape, 0.5, np.float32)
    for value, box in enumerate(found, start=1):
        if box is None:
            continue
        window = widened(box, (1, 1, 1), nearest.shape)
        share = ndimage.map_coordinates(
            (labels == value).astype(np.float32), positions[(slice(None), *window)], order=1, mode="constant"
        )
        better = share >= best[window]
        result[window][better] = value
        best[window][better] = share[better]
    return result
