"""What EfficientSCN's networks are trained on: the images of its prediction, before cropping to size and scaling.

The authors resample each scan again in every iteration, by linear interpolation, the localization's after smoothing of
3 mm which their inference leaves out. Here both networks get what prediction makes, area averages at the network's
spacing; the training's own interpolation then smooths about as much as theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flarecli.geometry import content_window
from flarecli.resample import area_matrix, majority_labels
from flarecli.systems.efficientscn.constants import EfficientScnConstants
from flarecli.systems.efficientscn.geometry import PerSide
from flarecli.systems.efficientscn.inputs import localization_hu, segmentation_hu
from flarecli.systems.efficientscn.orientation import LpsFrame, flipped_view
from flarecli.systems.efficientscn.system import LOCALIZATION, SEGMENTATION
from flarecli.systems.training_arrays import NetworkArrays, whole_hu

if TYPE_CHECKING:
    from flarecli.volume import Volume

_NOTHING: PerSide = ((0, 0), (0, 0), (0, 0))


@dataclass(frozen=True)
class EfficientScnTrainingArrays:
    """Arrays in LPS at 6 mm of the whole scan, and at 2 mm of the organs' surroundings, smoothed.

    Nothing is padded: the training surrounds samples by air where they leave the arrays.

    Attributes:
        constants: Of the prediction.
        region_margin_mm: Margin around the true organs in training. Code.
        augmentation_margin_mm: How much more is kept around it for rotated, shifted and scaled samples. Ours: what
            the largest shift (20 mm, code) and a rotation of the region's corners reach.
    """

    constants: EfficientScnConstants = field(default_factory=EfficientScnConstants)
    region_margin_mm: float = 32.0
    augmentation_margin_mm: float = 32.0

    @property
    def networks(self) -> tuple[str, ...]:
        """Keys of the networks."""
        return LOCALIZATION, SEGMENTATION

    def settings(self) -> Mapping[str, Any]:
        """See `TrainingArrays`."""
        return {
            "localization_spacing_mm": self.constants.localization_spacing_mm,
            "segmentation_spacing_mm": self.constants.segmentation_spacing_mm,
            "smoothing_sigma_mm": self.constants.smoothing_sigma_mm,
            "assumed_spacing_of_unit_mm": self.constants.assumed_spacing_of_unit_mm,
            "margin_mm": self.region_margin_mm + self.augmentation_margin_mm,
        }

    def prepare(self, volume: Volume, labels: NDArray[np.uint8]) -> dict[str, NetworkArrays]:
        """See `TrainingArrays`."""
        frame = LpsFrame.of_grid(volume.grid, self.constants)
        voxels_lps, labels_lps = flipped_view(volume.voxels), flipped_view(labels)
        counts = np.ceil(_extent_mm(frame, _NOTHING) / np.float32(self.constants.localization_spacing_mm))
        localization = localization_hu(voxels_lps, _shape(counts))

        cropping = self._cropping_around_organs(labels_lps, frame)
        counts = np.rint(_extent_mm(frame, cropping) / np.float32(self.constants.segmentation_spacing_mm))
        segmentation = segmentation_hu(
            voxels_lps, frame.spacing_mm, cropping, _NOTHING, _shape(counts), self.constants.smoothing_sigma_mm
        )
        return {
            LOCALIZATION: _arrays(localization, labels_lps, frame, _NOTHING),
            SEGMENTATION: _arrays(segmentation, labels_lps, frame, cropping),
        }

    def _cropping_around_organs(self, labels_lps: NDArray[np.uint8], frame: LpsFrame) -> PerSide:
        """Voxels outside the organs' box with its margins; the box ends at the scan's border."""
        margin_mm = self.region_margin_mm + self.augmentation_margin_mm
        sides = []
        for part, count, spacing in zip(content_window(labels_lps), frame.shape_zyx, frame.spacing_mm, strict=True):
            margin = math.ceil(margin_mm / spacing)
            sides.append((max(0, part.start - margin), max(0, count - part.stop - margin)))
        z, y, x = sides
        return z, y, x


def _arrays(image_hu: np.ndarray, labels_lps: NDArray[np.uint8], frame: LpsFrame, cropping: PerSide) -> NetworkArrays:
    """An image with the labels of its part of the scan."""
    z, y, x = (slice(lower, n - upper) for n, (lower, upper) in zip(labels_lps.shape, cropping, strict=True))
    cropped = labels_lps[z, y, x]
    matrices = [area_matrix(n_in, n_out) for n_in, n_out in zip(cropped.shape, image_hu.shape, strict=True)]
    step_z, step_y, step_x = (_extent_mm(frame, cropping) / np.asarray(image_hu.shape)).tolist()
    return NetworkArrays(whole_hu(image_hu), majority_labels(cropped, matrices), (step_z, step_y, step_x))


def _extent_mm(frame: LpsFrame, cropping: PerSide) -> np.ndarray:
    """Edge-to-edge length of what a cropping leaves, in float32 as in the prediction, whose shapes depend on it."""
    counts = [count - lower - upper for count, (lower, upper) in zip(frame.shape_zyx, cropping, strict=True)]
    return np.asarray(counts, np.float32) * np.asarray(frame.spacing_mm, np.float32)


def _shape(counts: np.ndarray) -> tuple[int, int, int]:
    z, y, x = (max(1, int(count)) for count in counts)
    return z, y, x
