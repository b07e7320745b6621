"""One slice as a picture: the scan in grey, the organs filled lightly and outlined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from flarecli.organs import ORGANS

WINDOW_LEVEL_HU = 50
WINDOW_WIDTH_HU = 400
"""The usual soft-tissue window of the abdomen."""

_LINE_PX = 1.6
_LINE_OPACITY = 0.95
_FILL_OPACITY = 0.20
_INSIDE = 0.5  # of an interpolated mask: where its border lies


def draw_slice(
    voxels: NDArray[np.int16], labels: NDArray[np.integer], size_px: tuple[int, int]
) -> Image.Image:
    """Draw a slice at display resolution.

    Scan and masks are interpolated first and the outline is taken from the interpolated mask, so that it is
    smooth where the voxels are large.

    Args:
        voxels: HU, shape (rows, columns), first row on top.
        labels: Label values, the same shape.
        size_px: Width and height of the picture, whatever the shape of the voxels.
    """
    picture = np.repeat(_resized(_windowed(voxels), size_px)[..., np.newaxis], 3, axis=2)
    for organ in ORGANS:
        mask = labels == organ.label
        if not mask.any():
            continue
        inside_px = _depth_px(_resized(mask.astype(np.float32), size_px))
        fill = np.clip(inside_px + 0.5, 0, 1) * _FILL_OPACITY
        line = np.clip(_LINE_PX / 2 + 0.5 - np.abs(inside_px), 0, 1) * _LINE_OPACITY
        opacity = np.maximum(fill, line)[..., np.newaxis]
        picture += (np.array(organ.colour, np.float32) - picture) * opacity
    return Image.fromarray((picture + 0.5).astype(np.uint8))


def _windowed(voxels: NDArray[np.int16]) -> NDArray[np.float32]:
    grey = (voxels.astype(np.float32) - (WINDOW_LEVEL_HU - WINDOW_WIDTH_HU / 2)) * (255 / WINDOW_WIDTH_HU)
    return np.clip(grey, 0, 255)


def _resized(values: NDArray[np.float32], size_px: tuple[int, int]) -> NDArray[np.float32]:
    """Interpolate linearly; where the picture is smaller than the array, average."""
    return np.asarray(Image.fromarray(values).resize(size_px, Image.Resampling.BILINEAR))


def _depth_px(coverage: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance to the border of a mask, positive inside, right to first order near it."""
    slope = np.hypot(*np.gradient(coverage))
    return (coverage - _INSIDE) / np.maximum(slope, 1e-3)
