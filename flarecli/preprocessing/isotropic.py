"""Training arrays of whole scans on an isotropic grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flarecli.resample import area_matrix, linear_matrix, majority_labels, resample_separable
from flarecli.systems.training_arrays import NetworkArrays, whole_hu

if TYPE_CHECKING:
    from flarecli.volume import Volume


@dataclass(frozen=True)
class IsotropicHu:
    """int16 HU of the whole scan in RAS+, clipped to a window, at about the same spacing along all axes.

    Where an axis shrinks, equal parts of it are averaged; where it grows, samples are interpolated linearly. The scan
    keeps its extent, so that the spacing differs from the wanted one by the rounding to a whole number of voxels.

    Attributes:
        spacing_mm: Spacing along each axis, for each network by its key; networks of the same spacing share arrays.
        window_hu: Values outside are set to its limits.
    """

    spacing_mm: Mapping[str, float]
    window_hu: tuple[int, int]

    @property
    def networks(self) -> tuple[str, ...]:
        """Keys of the networks."""
        return tuple(self.spacing_mm)

    def settings(self) -> Mapping[str, Any]:
        """See `TrainingArrays`."""
        return {"spacing_mm": dict(self.spacing_mm), "window_hu": list(self.window_hu)}

    def prepare(self, volume: Volume, labels: NDArray[np.uint8]) -> dict[str, NetworkArrays]:
        """See `TrainingArrays`."""
        by_spacing = {step: self._resampled(volume, labels, step) for step in set(self.spacing_mm.values())}
        return {network: by_spacing[step] for network, step in self.spacing_mm.items()}

    def _resampled(self, volume: Volume, labels: NDArray[np.uint8], spacing_mm: float) -> NetworkArrays:
        extent_mm = volume.grid.extent_mm
        shape = [max(1, round(length / spacing_mm)) for length in extent_mm]
        matrices = [
            area_matrix(n_in, n_out) if n_out <= n_in else linear_matrix(n_in, n_out)
            for n_in, n_out in zip(labels.shape, shape, strict=True)
        ]
        image_hu = resample_separable(volume.voxels, *matrices)
        np.clip(image_hu, *self.window_hu, out=image_hu)
        z, y, x = (length / n for length, n in zip(extent_mm, shape, strict=True))
        return NetworkArrays(whole_hu(image_hu), majority_labels(labels, matrices), (z, y, x))
