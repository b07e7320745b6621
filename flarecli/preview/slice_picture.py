"""One slice as a picture: the scan in grey, the organs filled lightly and outlined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from flarecli.organs import ORGANS
from flarecli.pictures.slices import as_image, draw_mask, grey_picture

WINDOW_LEVEL_HU = 50
WINDOW_WIDTH_HU = 400
"""The usual soft-tissue window of the abdomen."""

WINDOW_HU = (WINDOW_LEVEL_HU - WINDOW_WIDTH_HU / 2, WINDOW_LEVEL_HU + WINDOW_WIDTH_HU / 2)

_LINE_PX = 1.8
_FILL_OPACITY = 0.20


def draw_slice(
    voxels: NDArray[np.generic],
    labels: NDArray[np.integer],
    size_px: tuple[int, int],
    limits: tuple[float, float] = WINDOW_HU,
) -> Image.Image:
    """Draw a slice at display resolution.

    Args:
        voxels: HU or other grey values, shape (rows, columns), first row on top.
        labels: Label values, the same shape.
        size_px: Width and height of the picture, at least 2, whatever the shape of the voxels.
        limits: The values that are black and white.
    """
    picture = grey_picture(voxels, limits, size_px)
    for organ in ORGANS:
        draw_mask(picture, labels == organ.label, organ.colour, line_px=_LINE_PX, fill_opacity=_FILL_OPACITY)
    return as_image(picture)
