"""Resamples masks to display resolution with smooth contours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST_PIECE_PX = 1.5
"""Least width of the spline's pieces: a border must slope over some pixels for subpixel accuracy."""

_MARGIN_PX = 2  # beyond what a mask reaches, for the slope at its edge


@dataclass(frozen=True)
class SplineAxis:
    """Sampling of voxels at pixels along one axis, by a quadratic B-spline.

    The spline is smooth, and so are contours. A single voxel keeps 0.75 of its height an axis and 0.56 in a slice: more
    than half, so that it is not lost. Ends are padded with the last voxel.

    Attributes:
        voxels: int array (taps, pixels): the voxels that each pixel samples.
        weights: float32 array (taps, pixels): how much of each; their sum is 1 for every pixel.
    """

    voxels: NDArray[np.intp]
    weights: NDArray[np.float32]

    @classmethod
    def between(cls, length: int, length_px: int) -> SplineAxis:
        """Sample `length` voxels at `length_px` pixels that span the same distance."""
        voxels_per_px = length / length_px
        piece = max(1.0, _LEAST_PIECE_PX * voxels_per_px)
        centres = (np.arange(length_px) + 0.5) * voxels_per_px - 0.5
        first = np.ceil(centres - 1.5 * piece).astype(np.intp)
        voxels = first + np.arange(int(3 * piece) + 1)[:, np.newaxis]
        distance = np.abs(voxels - centres) / piece
        weights = np.where(distance < 0.5, 0.75 - distance**2, np.maximum(1.5 - distance, 0) ** 2 / 2)
        return cls(np.clip(voxels, 0, length - 1), (weights / weights.sum(axis=0)).astype(np.float32))

    def pixels_reached(self, occupied: NDArray[np.bool_]) -> slice:
        """The pixels that sample an occupied voxel, and a margin."""
        places = np.flatnonzero(occupied[self.voxels].any(axis=0))
        return slice(max(0, int(places[0]) - _MARGIN_PX), int(places[-1]) + 1 + _MARGIN_PX)

    def sample(self, values: NDArray[np.generic], pixels: slice) -> NDArray[np.float32]:
        """Sample an array (voxels, others) along its first axis at some of the pixels."""
        # A product with a matrix would be shorter, but its threads wait for each other on a busy machine.
        sampled = np.zeros((len(self.weights[0, pixels]), values.shape[1]), np.float32)
        for voxels, weights in zip(self.voxels[:, pixels], self.weights[:, pixels], strict=True):
            sampled += weights[:, np.newaxis] * values[voxels]
        return sampled


def mask_coverage(
    mask: NDArray[np.bool_], down: SplineAxis, across: SplineAxis
) -> tuple[tuple[slice, slice], NDArray[np.float32]]:
    """Sample a mask at the pixels around it.

    Args:
        mask: Shape (rows, columns), not empty.
        down: Sampling along the rows' axis.
        across: Sampling along the columns' axis.

    Returns:
        Where in the picture, as an index, and the coverage there, 0 to 1; its border lies at 0.5. All other
        pixels have no coverage.
    """
    rows = down.pixels_reached(np.logical_or.reduce(mask, axis=1))
    columns = across.pixels_reached(np.logical_or.reduce(mask, axis=0))
    return (rows, columns), across.sample(down.sample(mask, rows).T, columns).T
