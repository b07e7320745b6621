"""One slice as a picture: grey levels at display resolution, and masks filled and outlined on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from flarecli.pictures.mask_coverage import SplineAxis, mask_coverage

Picture = NDArray[np.float32]
"""Array of shape (rows, columns, 3), red, green and blue from 0 to 255."""

_LINE_OPACITY = 0.95
_BORDER_COVERAGE = 0.5
_FLAT_PER_PX = 1e-3  # no border lies where the coverage changes less than this


def grey_picture(values: NDArray[np.generic], limits: tuple[float, float], size_px: tuple[int, int]) -> Picture:
    """Grey levels of a slice.

    Interpolation is linear, as a cubic's overshoot draws dark rims around organs that look like fat where slices are
    thick.

    Args:
        values: Shape (rows, columns), first row on top.
        limits: The values that are black and white.
        size_px: Width and height of the picture, at least 2.
    """
    low, high = limits
    grey = (np.clip((values.astype(np.float32) - low) * (255 / (high - low)), 0, 255) + 0.5).astype(np.uint8)
    resized = Image.fromarray(grey).resize(size_px, Image.Resampling.BILINEAR)
    return np.repeat(np.asarray(resized, np.float32)[..., np.newaxis], 3, axis=2)


def draw_mask(
    picture: Picture,
    mask: NDArray[np.bool_],
    colour: tuple[int, int, int],
    *,
    line_px: float,
    fill_opacity: float = 0.0,
) -> None:
    """Draw the contour of a mask, and its inside, onto a picture of the same slice.

    The mask is resampled to display resolution before its contour is taken, so that it is smooth where voxels are
    large, and the line is drawn by its distance from each pixel, so that it is anti-aliased.

    Args:
        picture: Changed in place.
        mask: Shape (rows, columns), first row on top, of any size.
        colour: Red, green and blue.
        line_px: Width of the contour.
        fill_opacity: Opacity of the inside.
    """
    if not mask.any():
        return
    height, width = picture.shape[:2]
    down, across = SplineAxis.between(mask.shape[0], height), SplineAxis.between(mask.shape[1], width)
    place, coverage = mask_coverage(mask, down, across)
    depth_px = _depth_px(coverage)
    fill = np.clip(depth_px + 0.5, 0, 1) * fill_opacity
    line = np.clip(line_px / 2 + 0.5 - np.abs(depth_px), 0, 1) * _LINE_OPACITY
    opacity = np.maximum(fill, line)[..., np.newaxis]
    picture[place] += (np.array(colour, np.float32) - picture[place]) * opacity


def as_image(picture: Picture) -> Image.Image:
    """The picture for Pillow."""
    return Image.fromarray((picture + 0.5).astype(np.uint8))


def _depth_px(coverage: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance to the border of a mask, positive inside; right near the border, large far from it."""
    slope_per_px = np.hypot(*np.gradient(coverage))
    return (coverage - _BORDER_COVERAGE) / np.maximum(slope_per_px, _FLAT_PER_PX)
