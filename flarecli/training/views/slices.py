"""The VGG-13 U-Net's view of a scan: single axial slices, rotated, shifted, scaled and sheared in training.

Source: the authors' code (training), unless a comment says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from flarecli.systems.vgg13.constants import Vgg13Constants
from flarecli.systems.vgg13.inputs import network_batch, resized_plane, stretched_slice
from flarecli.systems.vgg13.orientation import turned_view
from flarecli.systems.vgg13.training_arrays import slice_hu
from flarecli.training.views.base import Decode, ScoresOf
from flarecli.training.views.scan import LabelledScan, Sample

_TRIES = 50
"""Number of slices among which one that is not uniform is chosen."""


@dataclass(frozen=True)
class SliceView:
    """One slice at a random height under a random affine map, interpolated by nearest neighbour, black outside.

    Scans of this view are int16 HU, (slices, rows, columns); each slice is stretched between its own percentiles to
    grey levels when a sample is cut.

    Attributes:
        slice_size: Rows and columns.
        rotation_deg: Largest rotation.
        shear_deg: Largest angle of the shear along the columns.
        translation: Largest shift, in slice sizes.
        scale: Range of the scale.
        batch_slices: Batch size in validation.
    """

    slice_size: int = 512
    rotation_deg: float = 20.0
    shear_deg: float = 20.0
    translation: float = 0.2
    scale: tuple[float, float] = (0.8, 1.2)
    batch_slices: int = 4

    @property
    def axis_sizes(self) -> tuple[int, ...]:
        return (self.slice_size,)

    @property
    def channel_axis(self) -> int:
        return 1

    @property
    def has_fixed_shape(self) -> bool:
        return True

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        return self.slice_size, self.slice_size

    def scan_of(
        self, number: int, hu: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float, float]
    ) -> LabelledScan:
        image = np.stack([slice_hu(plane, self.slice_size) for plane in hu])
        turned = np.stack([_nearest(turned_view(plane), self.slice_size) for plane in labels])
        z, y, x = spacing_mm
        # Rows run along x and columns along y.
        rows_mm, columns_mm = x * hu.shape[2] / self.slice_size, y * hu.shape[1] / self.slice_size
        return LabelledScan(number, image, turned, (z, rows_mm, columns_mm))

    def reduced(self, scan: LabelledScan) -> LabelledScan:
        """The scan with slices of this view's size where they are larger, so that augmenting it costs less."""
        rows, columns = scan.image.shape[1:]
        if min(rows, columns) <= self.slice_size:
            return scan
        shape = (self.slice_size, self.slice_size)
        image = np.stack([np.rint(resized_plane(plane, shape)).astype(scan.image.dtype) for plane in scan.image])
        labels = np.stack([_nearest(plane, self.slice_size) for plane in scan.labels])
        slice_mm, rows_mm, columns_mm = scan.spacing_mm
        spacing_mm = (slice_mm, rows_mm * rows / self.slice_size, columns_mm * columns / self.slice_size)
        return replace(scan, image=image, labels=labels, spacing_mm=spacing_mm)

    def cut(self, scan: LabelledScan, rng: np.random.Generator) -> Sample:
        heights = rng.integers(len(scan.image), size=_TRIES)
        tried = ((height, self._grey(scan.image[height])) for height in heights)
        black = np.zeros((self.slice_size, self.slice_size), np.uint8)
        height, grey = next(((height, plane) for height, plane in tried if plane.any()), (heights[0], black))
        matrix = self._matrix(rng)
        middle = np.full(2, (self.slice_size - 1) / 2)
        shift = np.rint(rng.uniform(-self.translation, self.translation, 2) * self.slice_size)
        offset = middle - matrix @ (middle + shift)
        moved, labels = (
            ndimage.affine_transform(plane, matrix, offset, order=0, mode="constant", cval=0)
            for plane in (grey, _nearest(scan.labels[height], self.slice_size))
        )
        return Sample(self._input(moved[None])[0], labels)

    def segment(self, scan: LabelledScan, scores_of: ScoresOf, decode: Decode) -> np.ndarray:
        values = np.empty(scan.labels.shape, np.uint8)
        for start in range(0, len(values), self.batch_slices):
            part = slice(start, start + self.batch_slices)
            grey = np.stack([self._grey(plane) for plane in scan.image[part]])
            labels = np.stack([_nearest(plane, self.slice_size) for plane in scan.labels[part]])
            decoded = decode(np.moveaxis(scores_of(Sample(self._input(grey), labels)), 1, 0))
            for plane, found in zip(values[part], decoded, strict=True):
                plane[:] = _nearest(found, *plane.shape)
        return values

    def _grey(self, plane_hu: np.ndarray) -> np.ndarray:
        """Grey levels of a slice, which in a cache has the published size, in the size of this view."""
        resized = resized_plane(plane_hu, (self.slice_size, self.slice_size))
        return stretched_slice(resized, Vgg13Constants(slice_size=self.slice_size))

    def _input(self, grey: np.ndarray) -> np.ndarray:
        return network_batch(grey, Vgg13Constants(slice_size=self.slice_size))

    def _matrix(self, rng: np.random.Generator) -> np.ndarray:
        """From positions (row, column) in the sample to positions in the slice."""
        angle = np.deg2rad(rng.uniform(-self.rotation_deg, self.rotation_deg))
        shear = np.tan(np.deg2rad(rng.uniform(-self.shear_deg, self.shear_deg)))
        scale = rng.uniform(*self.scale)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        forward = scale * turn @ np.array([[1.0, 0.0], [shear, 1.0]])
        backward: np.ndarray = np.linalg.inv(forward)
        return backward


def _nearest(plane: np.ndarray, *shape: int) -> np.ndarray:
    """The nearest pixels of a plane at another size: that of a square, or rows and columns."""
    wanted = shape if len(shape) == 2 else shape * 2
    if plane.shape == wanted:
        return plane
    at = (((np.arange(size) + 0.5) * n / size).astype(int) for n, size in zip(plane.shape, wanted, strict=True))
    return np.ascontiguousarray(plane[np.ix_(*at)])
