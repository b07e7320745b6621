"""Resampling along one axis after the other, and class scores turned into labels on the scan's grid."""

from __future__ import annotations

import math

import numpy as np

Window = tuple[slice, slice, slice]
"""Ranges of voxels along z, y and x."""


def area_matrix(n_in: int, n_out: int) -> np.ndarray:
    """Averages of equal parts of an axis, borders inside voxels included; shape (n_out, n_in)."""
    scale = n_in / n_out
    start = np.arange(n_out)[:, None] * scale
    voxel = np.arange(n_in)[None, :]
    weights = np.maximum(np.minimum(start + scale, voxel + 1) - np.maximum(start, voxel), 0.0)
    weights[weights < 1e-9 * scale] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)


def gaussian_matrix(count: int, sigma: float) -> np.ndarray:
    """A Gaussian cut at ceil(4 sigma + 0.5) voxels, the axis continued by its mirror image with its edge voxel."""
    if sigma == 0:
        return np.eye(count)
    radius = math.ceil(4 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    source = (np.arange(count)[:, None] + offsets[None, :]) % (2 * count)
    source = np.where(source < count, source, 2 * count - 1 - source)
    matrix = np.zeros((count, count))
    np.add.at(matrix, (np.arange(count)[:, None], source), kernel[None, :])
    return matrix


def half_pixel_positions(n_in: int, n_out: int) -> np.ndarray:
    """Where voxels lie among those of another grid with the same borders."""
    return np.clip((np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5, 0.0, n_in - 1.0)


def aligned_positions(n_in: int, n_out: int) -> np.ndarray:
    """Where voxels lie among those of another grid whose outermost voxel centres are the same."""
    return np.arange(n_out) * ((n_in - 1) / max(n_out - 1, 1))


def linear_matrix(n_in: int, positions: np.ndarray) -> np.ndarray:
    """Linear interpolation at positions within an axis; shape (positions, n_in)."""
    lower, share = neighbours(n_in, positions)
    rows = np.arange(lower.size)
    matrix = np.zeros((lower.size, n_in))
    matrix[rows, lower] = 1.0 - share
    matrix[rows, np.minimum(lower + 1, n_in - 1)] += share
    return matrix


def neighbours(n_in: int, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The voxel below each position, and the weight of the one above."""
    lower = np.minimum(positions.astype(np.intp), max(n_in - 2, 0))
    return lower, positions - lower


def resample(volume: np.ndarray, along_z: np.ndarray, along_y: np.ndarray, along_x: np.ndarray) -> np.ndarray:
    """Apply a matrix along each axis of a volume; float32."""
    z, y, x = (np.ascontiguousarray(matrix, np.float32) for matrix in (along_z, along_y, along_x))
    out = np.zeros((len(z), len(y), len(x)), np.float32)
    for index in np.flatnonzero(z.any(axis=0)):
        plane = (y @ volume[index].astype(np.float32)) @ x.T
        for target in np.flatnonzero(z[:, index]):
            out[target] += z[target, index] * plane
    return out


def class_map(scores: np.ndarray) -> np.ndarray:
    """The class of the highest score; ties go to the lowest class. uint8."""
    return scores.argmax(axis=0).astype(np.uint8)


def restored_scores(scores: np.ndarray, z_index: int, taps: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Scores of one slice of a finer grid.

    Args:
        scores: float32, shape (classes, z, y, x).
        z_index: Which slice of the finer grid.
        taps: For each axis, between which voxels of `scores` those of the finer grid lie; see `neighbours`.
    """
    (z_lower, z_share), (y_lower, y_share), (x_lower, x_share) = taps
    count_z, count_y, count_x = scores.shape[1:]
    low = z_lower[z_index]
    plane: np.ndarray = np.float32(1.0 - z_share[z_index]) * scores[:, low]
    plane = plane + np.float32(z_share[z_index]) * scores[:, min(low + 1, count_z - 1)]
    rows = ((y_lower, 1.0 - y_share), (np.minimum(y_lower + 1, count_y - 1), y_share))
    columns = ((x_lower, 1.0 - x_share), (np.minimum(x_lower + 1, count_x - 1), x_share))
    total: np.ndarray = np.zeros(1, np.float32)
    for row, row_weight in rows:
        for column, column_weight in columns:
            weights = row_weight.astype(np.float32)[:, None] * column_weight.astype(np.float32)[None, :]
            total = total + plane[:, row][:, :, column] * weights
    return total


def restore_labels(scores: np.ndarray, grid_zyx: tuple[int, ...], out: np.ndarray, origin_zyx: tuple[int, ...]) -> None:
    """Write the highest of linearly interpolated scores into a window of a finer grid.

    Args:
        scores: float32, shape (classes, z, y, x); they cover the grid from edge to edge.
        grid_zyx: Size of that grid.
        out: uint8 window of the grid, overwritten.
        origin_zyx: Where the window begins.
    """
    taps = []
    for n_in, n_grid, first, size in zip(scores.shape[1:], grid_zyx, origin_zyx, out.shape, strict=True):
        lower, share = neighbours(n_in, half_pixel_positions(n_in, n_grid))
        taps.append((lower[first : first + size], share[first : first + size]))
    for index in range(len(out)):
        out[index] = class_map(restored_scores(scores, index, taps))
