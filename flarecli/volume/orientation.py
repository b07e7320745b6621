"""How the axes of a stored array map onto canonical RAS+ ones: permutations and flips, nothing resampled."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel
import numpy as np


@dataclass(frozen=True)
class Orientation:
    """The permutation and the flips between a file's axes (i, j, k) and the canonical axes (x, y, z).

    Attributes:
        stored_axes: For each canonical axis x, y, z: which stored axis runs along it.
        reversed_axes: For each canonical axis x, y, z: whether the stored axis runs against it.
    """

    stored_axes: tuple[int, int, int]
    reversed_axes: tuple[bool, bool, bool]

    @classmethod
    def of_affine(cls, affine_ras: np.ndarray) -> Orientation:
        """The orientation nearest to a 4x4 invertible affine; of an oblique one the closest axes."""
        axes = nibabel.io_orientation(affine_ras)
        order = np.argsort(axes[:, 0])
        x, y, z = (int(axis) for axis in order)
        return cls((x, y, z), (bool(axes[x, 1] < 0), bool(axes[y, 1] < 0), bool(axes[z, 1] < 0)))

    @property
    def keeps_order(self) -> bool:
        """Whether stored and canonical axes differ by flips only."""
        return self.stored_axes == (0, 1, 2)

    def canonical_view(self, stored_ijk: np.ndarray) -> np.ndarray:
        """The stored array (i, j, k) seen as canonical (z, y, x); C-contiguous where nothing is moved."""
        steps = tuple(slice(None, None, -1 if against else None) for against in self.reversed_axes)
        return stored_ijk.transpose(self.stored_axes)[steps].transpose(2, 1, 0)

    def stored_view(self, canonical_zyx: np.ndarray) -> np.ndarray:
        """The canonical array (z, y, x) seen along the file's own axes (i, j, k)."""
        steps = tuple(slice(None, None, -1 if against else None) for against in self.reversed_axes)
        i, j, k = np.argsort(self.stored_axes)
        return canonical_zyx.transpose(2, 1, 0)[steps].transpose(i, j, k)

    def canonical_affine(self, affine_ras: np.ndarray, shape_ijk: tuple[int, int, int]) -> np.ndarray:
        """The affine (x, y, z) -> world mm of the canonical view, from the file's (i, j, k) -> world mm."""
        canonical = np.array(affine_ras, dtype=np.float64)
        for axis, (stored_axis, against) in enumerate(zip(self.stored_axes, self.reversed_axes, strict=True)):
            column = affine_ras[:3, stored_axis]
            canonical[:3, axis] = -column if against else column
            if against:
                canonical[:3, 3] += column * (shape_ijk[stored_axis] - 1)
        return canonical

    def canonical_zyx(self, values_ijk: tuple[float, float, float]) -> tuple[float, float, float]:
        """One value for each stored axis, such as its spacing, reordered to canonical (z, y, x)."""
        x, y, z = (values_ijk[axis] for axis in self.stored_axes)
        return z, y, x
