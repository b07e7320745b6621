"""EfficientSegNet's view of a scan: the whole, or a window around the organs, resized to a fixed size.

Source: EfficientSegNet code (training), unless a comment says otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from flarecli.geometry import Window, content_window
from flarecli.resample import aligned_matrix, labels_above_share, resample_separable
from flarecli.training.views.base import Decode, ScoresOf
from flarecli.training.views.orientation import OrientedView
from flarecli.training.views.restoring import decoded_by_slice
from flarecli.training.views.scan import LabelledScan, Sample

Shape = tuple[int, int, int]
_LEAST_SHARE = 0.5
"""Threshold of an organ's resized mask."""


@dataclass(frozen=True)
class WindowView(OrientedView):
    """A window resized to one size by linear interpolation between outermost voxel centres, then standardised.

    Attributes:
        shape_zyx: Size of a sample.
        around_organs: Whether the window is the labels' bounding box with a margin; else it is the whole scan.
        margin_mm: The margin.
        random_share: Fraction of the training windows that have random borders instead.
        random_margin_mm: Random borders lie between a third of this inside the organs' bounding box and this outside
            it. The published code draws both ends from the same range, so that the lower ones can cut deep into
            organs; here both ends are drawn symmetrically, outwards.
        least_field: For whole scans: training windows are random parts of the scan, along each axis at least this
            fraction of it, as fields of view differ; not in the published code.
        brightness_share: Probability for each organ that its intensities are shifted.
        brightness_hu: Largest shift, up or down, in whole HU.
        window_hu: Intensities are clipped to this range.
        deviation_epsilon: Added to the standard deviation that intensities are divided by.
        orientation: "RAS" or "LPS".
    """

    shape_zyx: Shape
    around_organs: bool = False
    margin_mm: float = 20.0
    random_share: float = 0.0
    random_margin_mm: float = 40.0
    least_field: tuple[float, float, float] = (1.0, 1.0, 1.0)
    brightness_share: float = 0.0
    brightness_hu: int = 200
    window_hu: tuple[float, float] = (-325.0, 325.0)
    deviation_epsilon: float = 1e-5
    orientation: str = "RAS"

    @property
    def axis_sizes(self) -> tuple[int, ...]:
        return self.shape_zyx

    @property
    def channel_axis(self) -> int:
        return 0

    @property
    def has_fixed_shape(self) -> bool:
        return True

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        return self.shape_zyx

    def cut(self, scan: LabelledScan, rng: np.random.Generator) -> Sample:
        window = self._window(scan, rng)
        hu, labels = self._stretched(scan, window)
        for label in range(1, int(labels.max()) + 1):
            changes = rng.random() < self.brightness_share
            shift = rng.integers(-self.brightness_hu, self.brightness_hu) if self.brightness_hu else 0
            if changes:
                hu[labels == label] += np.float32(shift)
        return Sample(self._standardised(hu)[None], labels)

    def segment(self, scan: LabelledScan, scores_of: ScoresOf, decode: Decode) -> np.ndarray:
        window = self._fixed_window(scan)
        hu, labels = self._stretched(scan, window)
        scores = scores_of(Sample(self._standardised(hu)[None], labels))
        part = scan.labels[window]
        back = [aligned_matrix(n_in, n_out) for n_in, n_out in zip(self.shape_zyx, part.shape, strict=True)]
        values = np.zeros(scan.labels.shape, np.uint8)
        values[window] = decoded_by_slice(scores, back, decode)
        return values

    def _window(self, scan: LabelledScan, rng: np.random.Generator) -> Window:
        is_random = rng.random() < self.random_share
        outwards = rng.random((2, 3))
        if not self.around_organs:
            return _random_part(scan.labels.shape, self.least_field, outwards)
        if not is_random:
            return self._fixed_window(scan)
        parts = []
        for axis, (first, last) in enumerate(_organ_spans(scan.labels)):
            reach = int(self.random_margin_mm / scan.spacing_mm[axis])
            inwards = math.ceil(reach / 3)
            below, above = (math.floor(share * (reach + inwards)) - inwards for share in outwards[:, axis])
            start = max(0, first - below)
            stop = min(scan.labels.shape[axis], last + 1 + above)
            if start >= stop:
                return self._fixed_window(scan)
            parts.append(slice(start, stop))
        return parts[0], parts[1], parts[2]

    def _fixed_window(self, scan: LabelledScan) -> Window:
        if not self.around_organs:
            return slice(0, None), slice(0, None), slice(0, None)
        z, y, x = (
            slice(max(0, first - int(self.margin_mm / step)), min(count, last + int(self.margin_mm / step) + 1))
            for (first, last), step, count in zip(
                _organ_spans(scan.labels), scan.spacing_mm, scan.labels.shape, strict=True
            )
        )
        return z, y, x

    def _stretched(self, scan: LabelledScan, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """HU, float32, and labels at the sample's size: an organ where its resized mask reaches one half."""
        image, labels = scan.image[window], scan.labels[window]
        if image.shape == self.shape_zyx:
            return image.astype(np.float32), np.array(labels)
        matrices = [aligned_matrix(n, size) for n, size in zip(image.shape, self.shape_zyx, strict=True)]
        return resample_separable(image, *matrices), labels_above_share(labels, matrices, _LEAST_SHARE)

    def _standardised(self, hu: np.ndarray) -> np.ndarray:
        image = np.clip(hu, *self.window_hu, dtype=np.float32)
        deviation = image.std(dtype=np.float64)
        image -= np.float32(image.mean(dtype=np.float64))
        image /= np.float32(deviation + self.deviation_epsilon)
        return image


def _random_part(shape: tuple[int, ...], least: tuple[float, float, float], random: np.ndarray) -> Window:
    """A random part of an array, along each axis at least a fraction of it. `random` is of shape (2, 3)."""
    parts = []
    for count, share, size_at, start_at in zip(shape, least, *random, strict=True):
        size = max(1, round(count * (share + (1 - share) * size_at)))
        start = math.floor((count - size + 1) * start_at)
        parts.append(slice(start, start + size))
    return parts[0], parts[1], parts[2]


def _organ_spans(labels: np.ndarray) -> list[tuple[int, int]]:
    """First and last index with an organ along each axis; the whole axis where there is none."""
    return [(part.start, part.stop - 1) for part in content_window(labels)]
