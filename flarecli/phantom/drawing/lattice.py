"""Smooth fields: values on a coarse lattice, and their cubic B-spline interpolation on a fine grid.

The interpolation is separable, so a field costs four multiplications a voxel, however fine its lattice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

Vector = tuple[float, float, float]

_TILE = 32
_UNIT_SCALE = 3.0
"""Brings B-spline-smoothed white noise back to a standard deviation of 1: the kernel keeps 0.479 of the
variance along each axis on average."""


@dataclass(frozen=True)
class SampleGrid:
    """Points on a regular grid along the scanner's axes.

    Attributes:
        shape_zyx: Number of points along z, y and x.
        spacing_mm: Distance between points along z, y and x, mm.
        origin_mm: Position of point (0, 0, 0) along z, y and x, mm.
    """

    shape_zyx: tuple[int, int, int]
    spacing_mm: Vector
    origin_mm: Vector

    def axis_mm(self, axis: int) -> np.ndarray:
        """Positions along one axis, float64 array of shape `(shape_zyx[axis],)`, mm."""
        return self.origin_mm[axis] + self.spacing_mm[axis] * np.arange(self.shape_zyx[axis])

    @property
    def half_extent_mm(self) -> np.ndarray:
        """Half the distance between the first and the last point along z, y and x, mm."""
        return (np.asarray(self.shape_zyx) - 1) / 2 * np.asarray(self.spacing_mm)

    @property
    def centre_mm(self) -> np.ndarray:
        """Middle of the grid, mm."""
        return np.asarray(self.origin_mm) + self.half_extent_mm

    def slab(self, start: int, stop: int) -> SampleGrid:
        """The slices `start` to `stop` (exclusive) along z."""
        z, y, x = self.origin_mm
        return SampleGrid((stop - start, *self.shape_zyx[1:]), self.spacing_mm, (z + start * self.spacing_mm[0], y, x))

    def coarser(self, step_mm: float) -> SampleGrid:
        """A lattice of `step_mm` that encloses this grid with a margin of two points.

        Its points are multiples of the step, so that overlapping grids get overlapping lattices.
        """
        first = [int(np.floor(self.axis_mm(axis)[0] / step_mm)) - 2 for axis in range(3)]
        last = [int(np.ceil(self.axis_mm(axis)[-1] / step_mm)) + 2 for axis in range(3)]
        z, y, x = (stop - start + 1 for start, stop in zip(first, last, strict=True))
        oz, oy, ox = (start * step_mm for start in first)
        return SampleGrid((z, y, x), (step_mm, step_mm, step_mm), (oz, oy, ox))


@dataclass(frozen=True)
class NoiseField:
    """A random smooth field of zero mean and unit standard deviation, defined everywhere.

    Attributes:
        coefficients: Float32 array of shape `(32, 32, 32)`, repeated periodically.
        step_mm: Distance of the coefficients; features are about twice as long.
    """

    coefficients: np.ndarray
    step_mm: float

    @classmethod
    def draw(cls, rng: np.random.Generator, step_mm: float) -> NoiseField:
        """Draw a field."""
        return cls(rng.standard_normal((_TILE,) * 3, dtype=np.float32) * _UNIT_SCALE, step_mm)

    def on(self, grid: SampleGrid) -> np.ndarray:
        """Values on a grid, float32 array of its shape."""
        weights = [_spline_weights(grid.axis_mm(axis) / self.step_mm, _TILE, periodic=True) for axis in range(3)]
        return _interpolate(self.coefficients, weights)


def upsampled(values: np.ndarray, lattice: SampleGrid, grid: SampleGrid) -> np.ndarray:
    """Values of a lattice, smoothed by the cubic B-spline, on a finer grid inside it; float32."""
    weights = [
        _spline_weights(
            (grid.axis_mm(axis) - lattice.origin_mm[axis]) / lattice.spacing_mm[axis],
            lattice.shape_zyx[axis],
            periodic=False,
        )
        for axis in range(3)
    ]
    return _interpolate(values, weights)


def _spline_weights(position: np.ndarray, count: int, *, periodic: bool) -> csr_array:
    """Float32 sparse matrix `(len(position), count)`: uniform cubic B-spline weights of each coefficient."""
    base = np.floor(position).astype(np.int64)
    t = position - base
    taps = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    columns = base[:, None] + np.arange(-1, 3)
    columns = columns % count if periodic else np.clip(columns, 0, count - 1)
    rows = np.repeat(np.arange(len(position)), 4)
    return csr_array((taps.ravel().astype(np.float32), (rows, columns.ravel())), shape=(len(position), count))


def _interpolate(values: np.ndarray, weights: list[csr_array]) -> np.ndarray:
    """Along x, y and then z: the last and largest product writes the result in order."""
    along_z, along_y, along_x = weights
    used = np.unique(along_z.indices)
    coarse = values[used].astype(np.float32, copy=False)
    nz, ny, _ = coarse.shape
    lines = along_x @ coarse.reshape(nz * ny, -1).T
    nx = len(lines)
    planes = along_y @ np.ascontiguousarray(lines.reshape(nx, nz, ny).transpose(2, 1, 0)).reshape(ny, nz * nx)
    stack = np.ascontiguousarray(planes.reshape(-1, nz, nx).transpose(1, 0, 2)).reshape(nz, -1)
    field: np.ndarray = along_z[:, used] @ stack
    return field.reshape(along_z.shape[0], along_y.shape[0], nx)
