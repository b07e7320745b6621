"""What the VGG-13 U-Net is trained on: slices of its orientation and size.

The published program stores grey levels, each slice stretched between its own percentiles. Here HU are stored and
stretched when a sample is cut, so that the intensities of a whole scan can be augmented before. Source: code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flarecli.organs import ORGANS
from flarecli.systems.training_arrays import NetworkArrays, whole_hu
from flarecli.systems.vgg13.constants import Vgg13Constants
from flarecli.systems.vgg13.inputs import resized_plane
from flarecli.systems.vgg13.orientation import turned_view
from flarecli.systems.vgg13.system import SEGMENTATION

if TYPE_CHECKING:
    from flarecli.volume import Volume


@dataclass(frozen=True)
class Vgg13TrainingArrays:
    """All slices of a scan, int16 HU; rows run to the Left, columns to Posterior.

    Attributes:
        constants: Of the prediction.
    """

    constants: Vgg13Constants = field(default_factory=Vgg13Constants)

    @property
    def networks(self) -> tuple[str, ...]:
        """Keys of the networks."""
        return (SEGMENTATION,)

    def settings(self) -> Mapping[str, Any]:
        """See `TrainingArrays`."""
        return {"slice_size": self.constants.slice_size}

    def prepare(self, volume: Volume, labels: NDArray[np.uint8]) -> dict[str, NetworkArrays]:
        """See `TrainingArrays`; slices of a single grey level, which the authors leave out, are kept."""
        size = self.constants.slice_size
        image = np.empty((len(labels), size, size), np.int16)
        resized = np.empty(image.shape, np.uint8)
        for index, (plane_hu, plane_labels) in enumerate(zip(volume.voxels, labels, strict=True)):
            image[index] = slice_hu(plane_hu, size)
            resized[index] = _resized_labels(turned_view(plane_labels), size)
        step_z, step_y, step_x = volume.grid.spacing_mm
        _, rows, columns = labels.shape
        spacing_mm = (step_z, step_x * columns / size, step_y * rows / size)
        return {SEGMENTATION: NetworkArrays(image, resized, spacing_mm)}


def slice_hu(plane_hu: NDArray[np.int16], size: int) -> NDArray[np.int16]:
    """A canonical slice (y, x) in the network's orientation, int16 HU, of `size` rows and columns."""
    plane = resized_plane(turned_view(plane_hu), (size, size))
    return plane if plane.dtype == np.int16 else whole_hu(plane)


def _resized_labels(plane: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Every pixel that an organ's resized mask reaches; later organs overwrite. Source: code."""
    if plane.shape == (size, size):
        return plane
    labels = np.zeros((size, size), np.uint8)
    for organ in ORGANS:
        mask = plane == organ.label
        if mask.any():
            labels[resized_plane(mask, labels.shape) > 0] = organ.label
    return labels
