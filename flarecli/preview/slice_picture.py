"""One slice as a picture: the scan in grey, the organs filled lightly and outlined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from flarecli.organs import ORGANS
from flarecli.pictures.mask_coverage import SplineAxis, mask_coverage

WINDOW_LEVEL_HU = 50
WINDOW_WIDTH_HU = 400
"""The usual soft-tissue window of the abdomen."""

_LINE_PX = 1.8
_LINE_OPACITY = 0.95
_FILL_OPACITY = 0.20
_BORDER_COVERAGE = 0.5
_FLAT_PER_PX = 1e-3  # no border lies where the coverage changes less than this


def draw_slice(voxels: NDArray[np.int16], labels: NDArray[np.integer], size_px: tuple[int, int]) -> Image.Image:
    """Draw a slice at display resolution.

    Masks are brought to that resolution before their outline is taken, so that it is smooth where voxels are
    large, and it is drawn by its distance from each pixel, so that it has no jags.

    Args:
        voxels: HU, shape (rows, columns), first row on top.
        labels: Label values, the same shape.
        size_px: Width and height of the picture, at least 2, whatever the shape of the voxels.
    """
    width, height = size_px
    # Linear, as a cubic's overshoot draws dark rims round organs that look like fat where slices are thick.
    grey = Image.fromarray(_windowed(voxels)).resize(size_px, Image.Resampling.BILINEAR)
    picture = np.repeat(np.asarray(grey, np.float32)[..., np.newaxis], 3, axis=2)
    down, across = SplineAxis.between(voxels.shape[0], height), SplineAxis.between(voxels.shape[1], width)
    for organ in ORGANS:
        mask = labels == organ.label
        if not mask.any():
            continue
        place, coverage = mask_coverage(mask, down, across)
        depth_px = _depth_px(coverage)
        fill = np.clip(depth_px + 0.5, 0, 1) * _FILL_OPACITY
        line = np.clip(_LINE_PX / 2 + 0.5 - np.abs(depth_px), 0, 1) * _LINE_OPACITY
        opacity = np.maximum(fill, line)[..., np.newaxis]
        picture[place] += (np.array(organ.colour, np.float32) - picture[place]) * opacity
    return Image.fromarray((picture + 0.5).astype(np.uint8))


def _windowed(voxels: NDArray[np.int16]) -> NDArray[np.uint8]:
    grey = (voxels.astype(np.float32) - (WINDOW_LEVEL_HU - WINDOW_WIDTH_HU / 2)) * (255 / WINDOW_WIDTH_HU)
    return (np.clip(grey, 0, 255) + 0.5).astype(np.uint8)


def _depth_px(coverage: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance to the border of a mask, positive inside; right near the border, large far from it."""
    slope_per_px = np.hypot(*np.gradient(coverage))
    return (coverage - _BORDER_COVERAGE) / np.maximum(slope_per_px, _FLAT_PER_PX)
