"""Crops of a scan at its own voxel size, or at that to which the whole scan is resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from flarecli.organs import ORGANS
from flarecli.resample import area_matrix, linear_matrix, resample_separable
from flarecli.training.randomness import Purpose, generator
from flarecli.training.views.at_spacing import scan_at
from flarecli.training.views.base import Decode, ScoresOf
from flarecli.training.views.intensity import Intensity
from flarecli.training.views.orientation import OrientedView
from flarecli.training.views.restoring import decoded_by_slice
from flarecli.training.views.scan import FirstStageView, LabelledScan, Sample

AIR_HU = -1024

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class FirstStageChange:
    """Random change of a first-stage network's input: offset, then contrast, then noise.

    Attributes:
        offset_hu: Added to it.
        factor: What it is multiplied by.
        noise_hu: Standard deviation of its noise.
    """

    offset_hu: float = 0.0
    factor: float = 1.0
    noise_hu: float = 0.0


UNCHANGED = FirstStageChange()


@dataclass(frozen=True)
class FirstStageGrid:
    """The input of a first-stage network, a whole scan.

    Attributes:
        spacing_mm: Isotropic voxel size.
        multiple: Sizes are padded with air to multiples of this.
        intensity: Scaling of its input.
        changed_share: Fraction of the training scans that are changed before it, so that its errors are like those on
            scans that it was not trained on.
        offset_hu: Largest offset of these.
        factor: Range of their contrast.
        noise_hu: Largest standard deviation of their noise.
    """

    spacing_mm: float = 4.0
    multiple: int = 16
    intensity: Intensity = field(default_factory=Intensity)
    changed_share: float = 0.0
    offset_hu: float = 60.0
    factor: tuple[float, float] = (0.8, 1.25)
    noise_hu: float = 30.0

    def shape_of(self, shape_zyx: Sequence[int], spacing_mm: Sequence[float]) -> Shape:
        """Size along z, y and x of its input for a scan of this shape and voxel size, without padding."""
        z, y, x = (max(1, round(n * step / self.spacing_mm)) for n, step in zip(shape_zyx, spacing_mm, strict=True))
        return z, y, x

    def changed(self, hu: np.ndarray, scan_number: int) -> np.ndarray:
        """Its input for a scan, float32 HU: the same every time. Held-out scans are never changed."""
        if scan_number < 0 or not self.changed_share:
            return hu
        rng = generator(0, Purpose.FIRST_STAGE, scan_number)
        change = self.drawn(rng)
        if change == UNCHANGED:
            return hu
        noise = np.float32(change.noise_hu) * rng.standard_normal(hu.shape, dtype=np.float32)
        changed: np.ndarray = (hu + np.float32(change.offset_hu)) * np.float32(change.factor) + noise
        return changed

    def drawn(self, rng: np.random.Generator) -> FirstStageChange:
        """Draw the change of a scan."""
        if rng.random() >= self.changed_share:
            return UNCHANGED
        offset, factor = rng.uniform(-self.offset_hu, self.offset_hu), rng.uniform(*self.factor)
        return FirstStageChange(offset, factor, rng.uniform(0, self.noise_hu))


@dataclass(frozen=True)
class CropView(OrientedView):
    """A crop at a random position; outside of the scan is air.

    Attributes:
        shape_zyx: Size of a sample.
        spacing_mm: Isotropic voxel size to which scans of another one are resampled; 0 keeps their own.
        other_shapes_zyx: Further sizes; every sample has one of all these, with equal probability.
        orientation: "RAS" or "LPS".
        multiple: Input sizes for whole scans are multiples of this.
        organ_share: Fraction of the crops that contain a random voxel of a random organ; the others lie anywhere.
        intensity: Scaling and its augmentation.
        first_stage: The input of a first-stage network, where its scores are part of this one's input. It is not
            augmented.
    """

    shape_zyx: Shape
    spacing_mm: float = 0.0
    other_shapes_zyx: tuple[Shape, ...] = ()
    orientation: str = "RAS"
    multiple: int = 32
    organ_share: float = 0.0
    intensity: Intensity = field(default_factory=Intensity)
    first_stage: FirstStageGrid | None = None

    @property
    def axis_sizes(self) -> tuple[int, ...]:
        shapes = (self.shape_zyx, *self.other_shapes_zyx)
        return (self.multiple, *(size for shape in shapes for size in shape))

    @property
    def channel_axis(self) -> int:
        return 0

    @property
    def has_fixed_shape(self) -> bool:
        return not self.other_shapes_zyx

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        return None

    def cut(self, scan: LabelledScan, rng: np.random.Generator) -> Sample:
        scan = self._at_spacing(scan)
        shape = self.drawn_shape(rng)
        start = self.drawn_start(scan.labels, shape, rng)
        hu = _window(scan.image, start, shape, AIR_HU)
        labels = _window(scan.labels, start, shape, 0)
        image = self.intensity.augmented(hu, rng)
        return Sample(image[None], labels, self._first_stage(scan, start))

    def drawn_shape(self, rng: np.random.Generator) -> Shape:
        """Draw the size of a sample."""
        shapes = (self.shape_zyx, *self.other_shapes_zyx)
        return shapes[int(rng.integers(len(shapes)))]

    def drawn_start(
        self, labels: np.ndarray, shape: Shape, rng: np.random.Generator, pose: np.ndarray | None = None
    ) -> Shape:
        """Draw the first voxel of a crop; below 0 or too high where the scan is smaller than the crop.

        Args:
            labels: Labels, (z, y, x).
            shape: Size of the crop.
            rng: Random numbers.
            pose: 3x3 matrix from positions in the scan to positions in `labels`, about their centres, where the
                scan is rendered in another pose than these.
        """
        wants_organ = rng.random() < self.organ_share
        place = rng.random(3)
        pick = rng.random(2)
        spare = [whole - part for whole, part in zip(labels.shape, shape, strict=True)]
        low, high = np.minimum(spare, 0), np.maximum(spare, 0)
        if wants_organ:
            present = np.flatnonzero(np.bincount(labels.ravel(), minlength=1)[1 : len(ORGANS) + 1]) + 1
            if present.size:
                inside = np.flatnonzero(labels.ravel() == present[int(pick[0] * present.size)])
                voxel = np.array(np.unravel_index(inside[int(pick[1] * inside.size)], labels.shape))
                if pose is not None:
                    last = np.array(labels.shape) - 1
                    seen = np.linalg.solve(pose, voxel - last / 2) + last / 2
                    voxel = np.clip(np.rint(seen).astype(int), 0, last)
                low = np.clip(voxel - np.asarray(shape) + 1, low, high)
                high = np.clip(voxel, low, high)
        z, y, x = (int(v) for v in low + np.floor(place * (high - low + 1)).astype(int))
        return z, y, x

    def segment(self, scan: LabelledScan, scores_of: ScoresOf, decode: Decode) -> np.ndarray:
        seen = self._at_spacing(scan)
        z, y, x = seen.image.shape
        padded = _rounded_up(seen.image.shape, self.multiple)
        image = self.intensity.plain(_window(seen.image, (0, 0, 0), padded, AIR_HU))
        labels = _window(seen.labels, (0, 0, 0), padded, 0)
        scores = scores_of(Sample(image[None], labels, self._first_stage(seen, (0, 0, 0))))[:, :z, :y, :x]
        if seen is scan:
            return decode(scores)
        back = [linear_matrix(size, n) for size, n in zip(seen.image.shape, scan.image.shape, strict=True)]
        return decoded_by_slice(scores, back, decode)

    def _at_spacing(self, scan: LabelledScan) -> LabelledScan:
        return scan_at(scan, self.spacing_mm) if self.spacing_mm else scan

    def _first_stage(self, scan: LabelledScan, start: Shape) -> FirstStageView | None:
        grid = self.first_stage
        if grid is None:
            return None
        sizes = grid.shape_of(scan.image.shape, scan.spacing_mm)
        coarse = resample_separable(
            scan.image, *(area_matrix(n, size) for n, size in zip(scan.image.shape, sizes, strict=True))
        )
        coarse = grid.changed(coarse, scan.number)
        image = grid.intensity.plain(_window(coarse, (0, 0, 0), _rounded_up(coarse.shape, grid.multiple), AIR_HU))
        # Both grids begin at the same corner.
        z, y, x = ((size / n, first) for size, n, first in zip(sizes, scan.image.shape, start, strict=True))
        return FirstStageView(
            scan.number,
            image,
            ((z[1] + 0.5) * z[0] - 0.5, (y[1] + 0.5) * y[0] - 0.5, (x[1] + 0.5) * x[0] - 0.5),
            (z[0], y[0], x[0]),
        )


def _rounded_up(shape: tuple[int, ...], multiple: int) -> Shape:
    z, y, x = (-(-n // multiple) * multiple for n in shape)
    return z, y, x


def _window(array: np.ndarray, start: Shape, shape: Shape, fill: float) -> np.ndarray:
    """A window of an array, filled where it leaves the array; always a copy."""
    window = np.full(shape, fill, array.dtype)
    source, destination = [], []
    for first, size, whole in zip(start, shape, array.shape, strict=True):
        inside = slice(max(first, 0), max(min(first + size, whole), 0))
        source.append(inside)
        destination.append(slice(inside.start - first, inside.stop - first))
    window[tuple(destination)] = array[tuple(source)]
    return window
