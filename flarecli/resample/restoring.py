"""Class scores at network resolution to labels on a finer grid, without scores on the finer grid.

Linear interpolation is convex: where the eight network voxels around a point agree on the class of the
highest score, that class has the highest interpolated score too, rounding included, since products with
weights >= 0 and sums are monotonic. The same holds for the sign of a single score. Only cells whose corners
disagree, the surfaces of organs, are interpolated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from flarecli.errors import InputError
from flarecli.geometry import Window, bounding_window
from flarecli.hardware.thread_limit import allowed_threads
from flarecli.resample.axis import aligned_taps, linear_taps

_MAX_THREADS = 4

_Decision = Callable[[np.ndarray], np.ndarray]
"""From scores (classes, ...) to one label for each voxel (...), by a rule whose regions are convex."""

_AxisTaps = Callable[[int, int], tuple[np.ndarray, np.ndarray]]
"""Where the samples of a finer axis lie between those of a coarser one; see `linear_taps`."""


def class_map(scores: np.ndarray) -> np.ndarray:
    """The class of the highest score for each voxel; ties go to the lowest class.

    Args:
        scores: float array of shape (classes, ...), at most 256 classes.

    Returns:
        uint8 array of shape (...).
    """
    best = scores[0].copy()
    winner = np.zeros(best.shape, np.uint8)
    for label in range(1, scores.shape[0]):
        better = scores[label] > best
        np.copyto(winner, np.uint8(label), where=better)
        np.maximum(best, scores[label], out=best)
    return winner


def restore_labels(
    scores: np.ndarray,
    grid_shape_zyx: tuple[int, int, int],
    out: np.ndarray,
    origin_zyx: tuple[int, int, int] = (0, 0, 0),
    threads: int | None = None,
) -> None:
    """Write the arg-max of linearly interpolated scores into a window of a finer (or coarser) grid.

    The scores are stretched over a grid of shape `grid_shape_zyx` (half-pixel convention, clamped at the
    borders); `out` is the window of that grid that begins at voxel `origin_zyx`. Ties go to the lowest class.
    The result does not depend on the number of threads.

    Args:
        scores: float32 array of shape (classes, z, y, x).
        grid_shape_zyx: Shape of the grid that the scores cover edge to edge.
        out: uint8 array of shape (z, y, x), any strides; overwritten.
        origin_zyx: Index of `out[0, 0, 0]` on the grid.
        threads: How many threads share the work; by default as many as `thread_limit` allows, at most four.

    Raises:
        InputError: when the window does not lie on the grid.
    """
    _restore(scores, grid_shape_zyx, out, origin_zyx, threads, linear_taps, class_map)


def restore_mask(
    logits: np.ndarray,
    grid_shape_zyx: tuple[int, ...],
    out: np.ndarray,
    origin_zyx: tuple[int, int, int] = (0, 0, 0),
    threads: int | None = None,
) -> None:
    """Write where linearly interpolated logits are at least 0 into a window of a finer (or coarser) grid.

    The logits are stretched over a grid of shape `grid_shape_zyx` so that the outermost voxel centres coincide
    (aligned corners). The result does not depend on the number of threads.

    Args:
        logits: float32 array of shape (z, y, x).
        grid_shape_zyx: Shape of the grid that the logits cover.
        out: bool array of shape (z, y, x), any strides; overwritten.
        origin_zyx: Index of `out[0, 0, 0]` on the grid.
        threads: How many threads share the work; by default as many as `thread_limit` allows, at most four.

    Raises:
        InputError: when the window does not lie on the grid.
    """
    _restore(logits[None], grid_shape_zyx, out, origin_zyx, threads, aligned_taps, _is_positive)


def window_of_mask(logits: np.ndarray, grid_shape_zyx: tuple[int, ...]) -> Window | None:
    """The voxels of a grid outside which `restore_mask` finds nothing; None where it finds nothing at all."""
    inside = bounding_window(logits >= 0)
    if inside is None:
        return None
    window = []
    for part, n_in, n_out in zip(inside, logits.shape, grid_shape_zyx, strict=True):
        lower, _ = aligned_taps(n_in, n_out)
        reached = np.flatnonzero((lower >= part.start - 1) & (lower < part.stop))
        if reached.size == 0:
            return None
        window.append(slice(int(reached[0]), int(reached[-1]) + 1))
    z, y, x = window
    return z, y, x


def _is_positive(logits: np.ndarray) -> np.ndarray:
    return logits[0] >= 0


def _restore(
    scores: np.ndarray,
    grid_shape_zyx: tuple[int, ...],
    out: np.ndarray,
    origin_zyx: tuple[int, int, int],
    threads: int | None,
    axis_taps: _AxisTaps,
    decide: _Decision,
) -> None:
    if any(
        first < 0 or first + size > full
        for first, size, full in zip(origin_zyx, out.shape, grid_shape_zyx, strict=True)
    ):
        raise InputError(
            "the window for the labels leaves the grid that the scores cover",
            seen=f"window of shape {out.shape} at {origin_zyx}",
            expected=f"a window inside shape {grid_shape_zyx}",
            remedy="Cut the window at the border of the grid.",
        )
    if out.size == 0:
        return
    along_z, along_y, along_x = (
        _Taps.of_window(*axis_taps(n_in, n_grid), n_in, first, size)
        for n_in, n_grid, first, size in zip(scores.shape[1:], grid_shape_zyx, origin_zyx, out.shape, strict=True)
    )
    layers = list(_slices_by_layer(along_z))
    workers = min(threads or allowed_threads(), _MAX_THREADS)

    def restore_range(part: list[tuple[int, slice]]) -> None:
        for lower, slices in part:
            _restore_layer(scores, lower, along_z, along_y, along_x, slices, out, decide)

    if workers == 1:
        restore_range(layers)
        return
    # Surfaces are spread unevenly along z: many small parts keep the threads equally busy.
    with ThreadPoolExecutor(workers) as pool:
        for finished in [pool.submit(restore_range, [layer]) for layer in layers]:
            finished.result()


@dataclass(frozen=True)
class _Taps:
    """Where the voxels of a window lie between the score voxels, along one axis.

    Attributes:
        lower: intp array (size,), index of the score voxel below.
        upper: intp array (size,), index of the score voxel above, the same one on an axis of one voxel.
        lower_weight: float32 array (size,).
        upper_weight: float32 array (size,).
    """

    lower: np.ndarray
    upper: np.ndarray
    lower_weight: np.ndarray
    upper_weight: np.ndarray

    @staticmethod
    def of_window(lower: np.ndarray, upper_weight: np.ndarray, n_in: int, first: int, size: int) -> _Taps:
        lower, upper_weight = lower[first : first + size], upper_weight[first : first + size]
        return _Taps(
            lower,
            np.minimum(lower + 1, n_in - 1),
            (1.0 - upper_weight).astype(np.float32),
            upper_weight.astype(np.float32),
        )


def _slices_by_layer(along_z: _Taps) -> Iterator[tuple[int, slice]]:
    """Runs of window slices that lie between the same two score slices, with the index of the lower one."""
    starts = np.flatnonzero(np.diff(along_z.lower, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], along_z.lower.size], strict=True):
        yield int(along_z.lower[start]), slice(int(start), int(stop))


def _restore_layer(
    scores: np.ndarray,
    lower: int,
    along_z: _Taps,
    along_y: _Taps,
    along_x: _Taps,
    slices: slice,
    out: np.ndarray,
    decide: _Decision,
) -> None:
    """Write the labels of all window slices between score slices `lower` and the one above it."""
    upper = min(lower + 1, scores.shape[1] - 1)
    below, above = scores[:, lower], scores[:, upper]
    below_class, above_class = decide(below), decide(above)
    mixed = _mixed_cells(below_class, above_class)
    # One axis after the other, and points by one flat index: several times as fast as pairs of indices.
    labels = below_class.take(along_y.lower, 0).take(along_x.lower, 1)
    points = np.flatnonzero(mixed.take(along_y.lower, 0).take(along_x.lower, 1))
    if points.size:
        mixed_y = points // labels.shape[1]
        mixed_x = points - mixed_y * labels.shape[1]
        width = scores.shape[3]
        y_lower, y_upper = along_y.lower[mixed_y] * width, along_y.upper[mixed_y] * width
        x_lower, x_upper = along_x.lower[mixed_x], along_x.upper[mixed_x]
        corners = (
            (y_lower + x_lower, along_y.lower_weight[mixed_y] * along_x.lower_weight[mixed_x]),
            (y_lower + x_upper, along_y.lower_weight[mixed_y] * along_x.upper_weight[mixed_x]),
            (y_upper + x_lower, along_y.upper_weight[mixed_y] * along_x.lower_weight[mixed_x]),
            (y_upper + x_upper, along_y.upper_weight[mixed_y] * along_x.upper_weight[mixed_x]),
        )
    for z in range(slices.start, slices.stop):
        if points.size:
            plane = along_z.lower_weight[z] * below + along_z.upper_weight[z] * above
            # The same points in every slice of the layer.
            labels.ravel()[points] = decide(_weighted_corners(plane.reshape(len(plane), -1), corners))
        out[z] = labels


def _mixed_cells(below_class: np.ndarray, above_class: np.ndarray) -> np.ndarray:
    """Which cells between two score slices have corners of different classes.

    Returns:
        bool array of the shape of a slice; the cell of voxel (y, x) reaches to (y + 1, x + 1), and the cells
        of the last row and column, which only axes of one voxel use, reach no further.
    """
    mixed = below_class != above_class
    for classes in (below_class, above_class):
        across_x = classes[:, 1:] != classes[:, :-1]
        across_y = classes[1:, :] != classes[:-1, :]
        mixed[:, :-1] |= across_x
        mixed[:-1, :-1] |= across_x[1:, :]
        mixed[:-1, :] |= across_y
    return mixed


def _weighted_corners(plane: np.ndarray, corners: tuple[tuple[np.ndarray, np.ndarray], ...]) -> np.ndarray:
    """Bilinear interpolation of `plane` (classes, y * x) at points given by corner indices and weights."""
    index, weight = corners[0]
    total = np.take(plane, index, axis=1)
    total *= weight
    for index, weight in corners[1:]:
        part = np.take(plane, index, axis=1)
        part *= weight
        total += part
    return total
