"""How many voxels each label has in each axial slice, and how many two label maps share; a slice at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flarecli.metrics.overlap import dice_of_counts

LABELS = 256
"""Labels are uint8."""

Place = tuple[int, int, int]
"""A voxel: its index along x, y and z."""


def areas_of(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Voxels of each label in each slice, shape (z, 256); background is not counted."""
    areas = np.zeros((labels.shape[0], LABELS), np.int64)
    for z, plane in enumerate(labels):
        if plane.any():
            areas[z] = np.bincount(plane.ravel(), minlength=LABELS)
    areas[:, 0] = 0
    return areas


@dataclass(frozen=True)
class Comparison:
    """Two label maps of one shape, compared label by label.

    Attributes:
        first: Areas of the first one, shape (z, 256).
        second: Areas of the other one, the same shape.
        common: Voxels that have the label in both, the same shape.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    common: NDArray[np.int64]

    @classmethod
    def of(cls, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Comparison:
        """Compare two label maps of shape (z, y, x)."""
        common = np.zeros((first.shape[0], LABELS), np.int64)
        for z, (one, other) in enumerate(zip(first, second, strict=True)):
            if one.any() and other.any():
                common[z] = np.bincount(one[one == other].ravel(), minlength=LABELS)
        common[:, 0] = 0
        return cls(areas_of(first), areas_of(second), common)

    def dsc(self, label: int) -> float:
        """DSC of one label: 1 where both maps lack it."""
        first, second, common = (int(counts[:, label].sum()) for counts in (self.first, self.second, self.common))
        return dice_of_counts(first, second, common)

    def differing(self, label: int) -> NDArray[np.int64]:
        """Voxels of each slice that have the label in one of the maps alone."""
        return self.first[:, label] + self.second[:, label] - 2 * self.common[:, label]


def centre_of(labels: NDArray[np.uint8], areas: NDArray[np.int64], label: int) -> Place | None:
    """The voxel deepest inside a label, in the slice where it is largest; None where it is absent."""
    z = int(areas[:, label].argmax())
    return deepest_voxel(labels[z] == label, z) if areas[z, label] else None


def centre_in_slice(labels: NDArray[np.uint8], areas: NDArray[np.int64], label: int, z: int) -> Place | None:
    """The voxel deepest inside a label in a given slice, or in the nearest slice that has it."""
    slices = np.flatnonzero(areas[:, label])
    if not len(slices):
        return None
    nearest = int(slices[np.abs(slices - z).argmin()])
    return deepest_voxel(labels[nearest] == label, nearest)


def largest_difference(
    first: NDArray[np.uint8], second: NDArray[np.uint8], comparison: Comparison, label: int
) -> Place | None:
    """The voxel deepest inside what differs, in the slice where most differs; None where the maps agree."""
    differing = comparison.differing(label)
    z = int(differing.argmax())
    return deepest_voxel((first[z] == label) != (second[z] == label), z) if differing[z] else None


def deepest_voxel(mask: NDArray[np.bool_], z: int) -> Place:
    """The voxel of a slice that lies furthest from the border of a mask, which is not empty."""
    from scipy.ndimage import distance_transform_edt  # takes longer to start than everything else

    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(x), int(y), z
