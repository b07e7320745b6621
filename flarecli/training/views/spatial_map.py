"""A random smooth map from the voxels of a sample into a scan, composed before anything is interpolated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class SpatialRanges:
    """Ranges of the deformation, rotation, scale and translation of samples.

    Attributes:
        elastic_mm: Largest displacement of a node of the elastic deformation along each axis.
        elastic_nodes: Nodes along each axis, over the extent of the sample.
        axis_scale: Largest relative change of each axis.
        global_scale: Largest relative change of all axes together.
        rotation_rad: Largest rotation about each axis.
        translation_mm: Largest shift along each axis.

    Source: EfficientSCN code; what the paper says agrees.
    """

    elastic_mm: float = 15.0
    elastic_nodes: int = 8
    axis_scale: float = 0.1
    global_scale: float = 0.2
    rotation_rad: float = 0.35
    translation_mm: float = 20.0


@dataclass(frozen=True)
class SpatialMap:
    """Takes positions in a sample to positions in a scan, both in mm from the centre of voxel (0, 0, 0).

    In this order: the elastic displacement; minus the middle of the sample; the linear part; plus the middle of
    the region and the shift.

    Attributes:
        linear: 3x3 matrix on (z, y, x).
        sample_middle_mm: Fixed point of the linear part.
        scan_middle_mm: Where it goes, shift included.
        nodes_mm: Displacements at the nodes, (3, n, n, n), or None for none.
        extent_mm: Extent of the sample over which the nodes are spread.
    """

    linear: np.ndarray
    sample_middle_mm: Triple
    scan_middle_mm: Triple
    nodes_mm: np.ndarray | None
    extent_mm: Triple

    def positions(self, shape_zyx: tuple[int, int, int], sample_mm: Triple, scan_mm: Triple) -> np.ndarray:
        """Where each voxel of the sample lies in the scan, in voxels of the scan.

        Computed on a grid of twice the sample's spacing and interpolated, as the published code does: an eighth of
        the work, and exact for all but the elastic part.

        Args:
            shape_zyx: Size of the sample.
            sample_mm: Voxel size of the sample.
            scan_mm: Voxel size of the scan.

        Returns:
            float32 array (3, z, y, x).
        """
        axes = [np.arange(n // 2 + 1) * (2 * step) for n, step in zip(shape_zyx, sample_mm, strict=True)]
        coarse = np.empty((3, *(len(axis) for axis in axes)), np.float32)
        for component, axis in enumerate(axes):
            coarse[component] = axis.reshape([-1 if dim == component else 1 for dim in range(3)])
        if self.nodes_mm is not None:
            coarse += _displacement(self.nodes_mm, axes, self.extent_mm)
        matrix = self.linear / np.asarray(scan_mm)[:, None]
        offset = np.asarray(self.scan_middle_mm) / scan_mm - matrix @ np.asarray(self.sample_middle_mm)
        mapped = np.tensordot(matrix.astype(np.float32), coarse, axes=1)
        mapped += offset.astype(np.float32).reshape(3, 1, 1, 1)
        for dim in range(3):
            mapped = _doubled(mapped, dim + 1, shape_zyx[dim])
        return mapped


def draw_map(
    ranges: SpatialRanges,
    rng: np.random.Generator,
    *,
    sample_middle_mm: Triple,
    scan_middle_mm: Triple,
    extent_mm: Triple,
    base_scale: float = 1.0,
) -> SpatialMap:
    """Draw a random map.

    Args:
        ranges: Ranges of its parameters.
        rng: Random numbers; the same number of them is drawn every time.
        sample_middle_mm: Middle of the sample.
        scan_middle_mm: Middle of the region of the scan that the sample is to show.
        extent_mm: Extent of the sample.
        base_scale: Factor by which the sample is coarser than its voxels say.
    """
    n = ranges.elastic_nodes
    nodes = rng.uniform(-ranges.elastic_mm, ranges.elastic_mm, (3, n, n, n))
    axis_scale = rng.uniform(1 - ranges.axis_scale, 1 + ranges.axis_scale, 3)
    global_scale = rng.uniform(1 - ranges.global_scale, 1 + ranges.global_scale)
    rotation = rotation_matrix(rng.uniform(-ranges.rotation_rad, ranges.rotation_rad, 3))
    shift = rng.uniform(-ranges.translation_mm, ranges.translation_mm, 3)
    z, y, x = np.asarray(scan_middle_mm) + shift
    return SpatialMap(
        linear=rotation @ np.diag(axis_scale * global_scale * base_scale),
        sample_middle_mm=sample_middle_mm,
        scan_middle_mm=(float(z), float(y), float(x)),
        nodes_mm=nodes if ranges.elastic_mm else None,
        extent_mm=extent_mm,
    )


def rotation_matrix(angles_rad: np.ndarray) -> np.ndarray:
    """Rotation on (z, y, x): about y, then x, then z, each by its angle of (z, y, x).

    The order is that of ITK's Euler transform.
    """
    about_z, about_y, about_x = angles_rad
    cos, sin = np.cos, np.sin
    z = np.array([[1, 0, 0], [0, cos(about_z), sin(about_z)], [0, -sin(about_z), cos(about_z)]])
    y = np.array([[cos(about_y), 0, -sin(about_y)], [0, 1, 0], [sin(about_y), 0, cos(about_y)]])
    x = np.array([[cos(about_x), sin(about_x), 0], [-sin(about_x), cos(about_x), 0], [0, 0, 1]])
    return z @ x @ y


def quadratic_spline_weights(position_mm: np.ndarray, extent_mm: float, nodes: int) -> np.ndarray:
    """Weight of each node of a uniform quadratic B-spline at each position, (nodes, positions).

    The nodes stand half a step outside the extent on both sides, as in ITK's transform of that order.
    """
    step = extent_mm / (nodes - 2)
    distance = np.abs(position_mm[None] / step + 0.5 - np.arange(nodes)[:, None])
    inner = 0.75 - distance**2
    outer = 0.5 * (1.5 - distance) ** 2
    return np.where(distance < 0.5, inner, np.where(distance < 1.5, outer, 0.0))


def _displacement(nodes_mm: np.ndarray, axes: list[np.ndarray], extent_mm: Triple) -> np.ndarray:
    weights = [
        quadratic_spline_weights(axis, extent, nodes_mm.shape[1]) for axis, extent in zip(axes, extent_mm, strict=True)
    ]
    field: np.ndarray = np.einsum("cijk,iz,jy,kx->czyx", nodes_mm, *weights, optimize=True).astype(np.float32)
    return field


def _doubled(values: np.ndarray, axis: int, size: int) -> np.ndarray:
    """The first `size` samples at half the distance along an axis, interpolated linearly."""
    values = np.moveaxis(values, axis, 0)
    fine = np.empty((2 * len(values), *values.shape[1:]), np.float32)
    fine[0::2] = values
    np.add(values[:-1], values[1:], out=fine[1:-1:2])
    fine[1:-1:2] *= np.float32(0.5)
    return np.moveaxis(fine[:size], 0, axis)
