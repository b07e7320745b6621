"""Shape, tissue and position of each organ, the kidneys apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flarecli.geometry import Box, Grid, Window, bounding_window, box_of_window, widened
from flarecli.measures.anatomy.limits import THICKEST_SLICE_MM
from flarecli.measures.kidney_sides import KidneySides
from flarecli.organs import LEFT_KIDNEY, ORGANS_WITH_SIDES
from flarecli.volume import Volume

_STEP_MM = 1.5
"""Every n-th voxel is enough, with n times the spacing near this; thin slices then take no longer than others."""

_BLOCK_MM = 5.0
_FEWEST_BLOCKS = 20

_FAT_HU = -100.0
_SOFT_TISSUE_HU = (-150.0, 350.0)
"""Air beside an organ makes no clearer border than fat does, and bone none than contrast medium."""

_END_SLICES = 2
_SHORTEST = 6
"""Slices, of which the outermost ones always change fast."""


@dataclass(frozen=True)
class OrganShape:
    """Shape, tissue and position of one organ, or of one kidney.

    Attributes:
        name: Its name.
        box_mm: Tight box, mm from the lower corner of the scan.
        centre_mm: Centre of mass, likewise, along z, y and x.
        roughness: Area of the voxels' outer faces over that of a cube of the same volume: a smooth ball has 1.2.
        slice_changes: Sum of the changes of its area from slice to slice, over twice the largest area: 1 where it grows
            and then shrinks.
        least_overlap: Smallest DSC of two neighbouring slices, except for the outermost ones; None in thick slices and
            for flat organs.
        flat_faces: Area of its first and last slice along each axis over the largest one, by name of the face; without
            the faces at which the scan ends.
        mixture_hu: Standard deviation of the mean HU of blocks of 5 mm, wholly within the organ, over which noise
            averages out; None where there are too few.
        border_contrast: Mean step in HU across its border within slices, over what lies between its median and fat:
            small where the border runs through one tissue.
        contacts: Share of its surface that lies on another organ, by name.
    """

    name: str
    box_mm: Box
    centre_mm: tuple[float, float, float]
    roughness: float
    slice_changes: float
    least_overlap: float | None
    flat_faces: Mapping[str, float]
    mixture_hu: float | None
    border_contrast: float
    contacts: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """The measures for JSON, rounded."""
        return {
            "roughness": round(self.roughness, 3),
            "slice_changes": round(self.slice_changes, 3),
            "least_overlap": None if self.least_overlap is None else round(self.least_overlap, 3),
            "flat_faces": {face: round(share, 3) for face, share in self.flat_faces.items()},
            "mixture_hu": None if self.mixture_hu is None else round(self.mixture_hu, 1),
            "border_contrast": round(self.border_contrast, 3),
            "contacts": {name: round(share, 3) for name, share in self.contacts.items()},
        }


_FACES = (("inferior", "superior"), ("posterior", "anterior"), ("left", "right"))


def organ_shapes(volume: Volume, sides: KidneySides) -> dict[str, OrganShape]:
    """Measure the shape of every organ that is there, by name; the kidneys apart.

    Args:
        volume: The scan.
        sides: Its label map with the kidneys told apart.
    """
    steps = [max(1, round(_STEP_MM / spacing)) for spacing in volume.grid.spacing_mm]
    labels = _thinned(sides, steps)
    thin = tuple(slice(None, None, step) for step in steps)
    voxels = volume.voxels[thin]
    z_mm, y_mm, x_mm = (float(step * spacing) for step, spacing in zip(steps, volume.grid.spacing_mm, strict=True))
    grid = Grid(voxels.shape, (z_mm, y_mm, x_mm), volume.grid.affine_ras)
    everything = bounding_window(labels)
    if everything is None:
        return {}
    found = {}
    for organ in ORGANS_WITH_SIDES:
        inner = bounding_window(labels[everything] == organ.label)
        if inner is not None:
            z, y, x = (
                slice(outer.start + part.start, outer.start + part.stop)
                for outer, part in zip(everything, inner, strict=True)
            )
            found[organ.name] = _shape(organ.name, organ.label, (z, y, x), voxels, labels, grid)
    return found


def _thinned(sides: KidneySides, steps: list[int]) -> NDArray[np.uint8]:
    """Every n-th voxel of the label map, with the kidneys apart."""
    thin = tuple(slice(None, None, step) for step in steps)
    labels: NDArray[np.uint8] = sides.together[thin].copy()
    if sides.window is not None:
        # The window need not begin at a voxel that is kept.
        skipped = [-part.start % step for part, step in zip(sides.window, steps, strict=True)]
        is_left = sides.is_left[tuple(slice(first, None, step) for first, step in zip(skipped, steps, strict=True))]
        starts = [-(-part.start // step) for part, step in zip(sides.window, steps, strict=True)]
        window = tuple(slice(start, start + n) for start, n in zip(starts, is_left.shape, strict=True))
        labels[window][is_left] = LEFT_KIDNEY
    return labels


def _shape(
    name: str, label: int, window: Window, voxels: NDArray[np.int16], labels: NDArray[np.uint8], grid: Grid
) -> OrganShape:
    mask: NDArray[np.bool_] = labels[window] == label
    counts = [np.count_nonzero(mask, axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
    count = int(counts[0].sum())
    z, y, x = (
        float((part.start + count_along @ np.arange(len(count_along)) / count + 0.5) * step)
        for part, count_along, step in zip(window, counts, grid.spacing_mm, strict=True)
    )
    volume_mm3 = count * float(np.prod(grid.spacing_mm))
    surface_mm2 = _surface_mm2(mask, grid.spacing_mm)
    return OrganShape(
        name,
        box_of_window(window, grid),
        (z, y, x),
        surface_mm2 / (6 * volume_mm3 ** (2 / 3)),
        float(np.abs(np.diff(counts[0], prepend=0, append=0)).sum() / (2 * counts[0].max())),
        _least_overlap(mask, counts[0], grid.spacing_mm[0]),
        _flat_faces(counts, window, grid),
        _mixture_hu(voxels[window], mask, grid.spacing_mm),
        _border_contrast(label, window, voxels, labels),
        _contacts(label, window, labels, grid, surface_mm2),
    )


def _face_mm2(spacing_mm: tuple[float, float, float], axis: int) -> float:
    return float(np.prod(spacing_mm)) / spacing_mm[axis]


def _surface_mm2(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> float:
    """Area of the faces between a mask and what is not in it; beyond the array is outside."""
    total = 0.0
    for axis in range(3):
        along = np.moveaxis(mask, axis, 0)
        faces = np.count_nonzero(along[1:] != along[:-1]) + np.count_nonzero(along[0]) + np.count_nonzero(along[-1])
        total += faces * _face_mm2(spacing_mm, axis)
    return total


def _least_overlap(mask: NDArray[np.bool_], areas: NDArray[np.int64], spacing_mm: float) -> float | None:
    if len(mask) < _SHORTEST or spacing_mm > THICKEST_SLICE_MM:
        return None
    pairs = range(_END_SLICES, len(mask) - 1 - _END_SLICES)
    return min(2 * int(np.count_nonzero(mask[z] & mask[z + 1])) / max(int(areas[z] + areas[z + 1]), 1) for z in pairs)


def _flat_faces(counts: list[NDArray[np.int64]], window: Window, grid: Grid) -> dict[str, float]:
    shares = {}
    for along, part, length, (low, high) in zip(counts, window, grid.shape_zyx, _FACES, strict=True):
        if part.start > 0:
            shares[low] = float(along[0] / along.max())
        if part.stop < length:
            shares[high] = float(along[-1] / along.max())
    return shares


def _mixture_hu(
    voxels: NDArray[np.int16], mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> float | None:
    sizes = [max(1, round(_BLOCK_MM / step)) for step in spacing_mm]
    numbers = [length // size for length, size in zip(mask.shape, sizes, strict=True)]
    if not all(numbers):
        return None
    whole = tuple(slice(0, number * size) for number, size in zip(numbers, sizes, strict=True))
    blocks = [length for pair in zip(numbers, sizes, strict=True) for length in pair]
    inside = mask[whole].reshape(blocks).all(axis=(1, 3, 5))
    if np.count_nonzero(inside) < _FEWEST_BLOCKS:
        return None
    means = voxels[whole].reshape(blocks).mean(axis=(1, 3, 5), dtype=np.float32)[inside]
    return float(means.std())


def _border_contrast(label: int, window: Window, voxels: NDArray[np.int16], labels: NDArray[np.uint8]) -> float:
    around = widened(window, (0, 1, 1), labels.shape)
    mask, hu = labels[around] == label, np.clip(voxels[around].astype(np.float32), *_SOFT_TISSUE_HU)
    total_hu, faces = 0.0, 0
    for axis in (1, 2):
        organ, values = np.moveaxis(mask, axis, 0), np.moveaxis(hu, axis, 0)
        steps = values[1:] - values[:-1]
        into, out_of = organ[1:] & ~organ[:-1], organ[:-1] & ~organ[1:]
        total_hu += float(steps[into].sum(dtype=np.float64) - steps[out_of].sum(dtype=np.float64))
        faces += int(np.count_nonzero(into)) + int(np.count_nonzero(out_of))
    above_fat_hu = float(np.median(hu[mask])) - _FAT_HU
    return total_hu / max(faces, 1) / max(above_fat_hu, 1.0)


def _contacts(
    label: int, window: Window, labels: NDArray[np.uint8], grid: Grid, surface_mm2: float
) -> dict[str, float]:
    around = labels[widened(window, (1, 1, 1), labels.shape)]
    mask = around == label
    other = (around != 0) & ~mask
    area_mm2 = np.zeros(256)
    for axis in range(3):
        organ, neighbours, values = (np.moveaxis(array, axis, 0) for array in (mask, other, around))
        for here, there in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))):
            touching = values[there][organ[here] & neighbours[there]]
            area_mm2 += np.bincount(touching, minlength=256) * _face_mm2(grid.spacing_mm, axis)
    return {
        organ.name: float(area_mm2[organ.label] / surface_mm2)
        for organ in ORGANS_WITH_SIDES
        if area_mm2[organ.label] > 0
    }
