"""What EfficientSegNet's networks are trained on: resized HU, before clipping and standardising. Source: code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flarecli.geometry import Grid, content_window
from flarecli.resample import aligned_matrix, labels_above_share, resample_separable, sampled_matrix
from flarecli.systems.efficientsegnet.constants import EfficientSegNetConstants
from flarecli.systems.efficientsegnet.inputs import resized_hu
from flarecli.systems.efficientsegnet.system import COARSE, FINE
from flarecli.systems.training_arrays import NetworkArrays, whole_hu

if TYPE_CHECKING:
    from flarecli.volume import Volume

_LEAST_SHARE = 0.5
"""An organ's interpolated mask is rounded half up, then kept above 0.5; later organs overwrite. Source: code."""


@dataclass(frozen=True)
class EfficientSegNetTrainingArrays:
    """Arrays in RAS+: the whole scan in the coarse network's size, and the organs' surroundings for the fine one.

    The fine arrays are sampled so that the window which the fixed crop of the training takes has exactly the fine
    network's size, and continue with the same step to the limit of the random crop: the fixed crop is a part of the
    array, and a random crop one more interpolation of it.

    Attributes:
        constants: Of the prediction; its region margin is that of the fixed crop, too.
        random_margin_mm: How far the random crop of the training reaches beyond the organs. Code.
    """

    constants: EfficientSegNetConstants = field(default_factory=EfficientSegNetConstants)
    random_margin_mm: float = 40.0

    @property
    def networks(self) -> tuple[str, ...]:
        """Keys of the networks."""
        return COARSE, FINE

    def settings(self) -> Mapping[str, Any]:
        """See `TrainingArrays`."""
        return {
            "coarse_shape_zyx": list(self.constants.coarse_shape_zyx),
            "fine_shape_zyx": list(self.constants.fine_shape_zyx),
            "fixed_margin_mm": self.constants.region_margin_mm,
            "random_margin_mm": self.random_margin_mm,
        }

    def prepare(self, volume: Volume, labels: NDArray[np.uint8]) -> dict[str, NetworkArrays]:
        """See `TrainingArrays`."""
        return {COARSE: self._coarse(volume, labels), FINE: self._fine(volume, labels)}

    def _coarse(self, volume: Volume, labels: NDArray[np.uint8]) -> NetworkArrays:
        shape = self.constants.coarse_shape_zyx
        matrices = [aligned_matrix(n_in, n_out) for n_in, n_out in zip(labels.shape, shape, strict=True)]
        z, y, x = (
            step * (n_in - 1) / max(n_out - 1, 1)
            for step, n_in, n_out in zip(volume.grid.spacing_mm, labels.shape, shape, strict=True)
        )
        return NetworkArrays(
            whole_hu(resized_hu(volume.voxels, shape)), labels_above_share(labels, matrices, _LEAST_SHARE), (z, y, x)
        )

    def _fine(self, volume: Volume, labels: NDArray[np.uint8]) -> NetworkArrays:
        matrices, steps = [], []
        for axis, (part, n_out) in enumerate(zip(content_window(labels), self.constants.fine_shape_zyx, strict=True)):
            first, last = part.start, part.stop - 1
            fixed = _around(first, last, self.constants.region_margin_mm, volume.grid, axis)
            random = _around(first, last, self.random_margin_mm, volume.grid, axis)
            positions, step = _positions(fixed, random, n_out)
            matrices.append(sampled_matrix(labels.shape[axis], positions))
            steps.append(step * volume.grid.spacing_mm[axis])
        z, y, x = steps
        image_hu = resample_separable(volume.voxels, *matrices)
        return NetworkArrays(whole_hu(image_hu), labels_above_share(labels, matrices, _LEAST_SHARE), (z, y, x))


def _around(first: int, last: int, margin_mm: float, grid: Grid, axis: int) -> slice:
    """The window of a training crop along an axis: whole voxels of margin, the last organ voxel taken as its end.

    Source: code.
    """
    margin = int(margin_mm / grid.spacing_mm[axis])
    start = max(0, first - margin)
    return slice(start, max(start + 1, min(grid.shape_zyx[axis], last + margin)))


def _positions(fixed: slice, random: slice, count: int) -> tuple[NDArray[np.float64], float]:
    """Where to sample an axis, in voxels, and how far apart: `count` samples over the fixed window and on."""
    step = (fixed.stop - 1 - fixed.start) / max(count - 1, 1)
    if step == 0:
        return np.full(count, float(fixed.start)), 1.0
    before = int((fixed.start - random.start) / step)
    after = int((random.stop - fixed.stop) / step)
    return fixed.start + step * np.arange(-before, count + after), step
