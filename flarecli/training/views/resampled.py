"""EfficientSCN's view of a scan: a region on an isotropic grid, deformed, rotated, scaled and shifted in training.

Source: EfficientSCN code (training), unless a comment says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from flarecli.geometry import content_window
from flarecli.resample import resample_separable, sampled_matrix
from flarecli.training.views.base import Decode, ScoresOf
from flarecli.training.views.intensity import Intensity
from flarecli.training.views.label_smoothing import smoothed_labels
from flarecli.training.views.orientation import OrientedView
from flarecli.training.views.restoring import decoded_by_slice
from flarecli.training.views.scan import LabelledScan, Sample
from flarecli.training.views.spatial_map import SpatialRanges, draw_map

Shape = tuple[int, int, int]
Triple = tuple[float, float, float]
Sizes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Region:
    """The part of a scan that a sample covers, before augmentation.

    Attributes:
        shape_zyx: Size of the sample.
        middle_mm: Middle of the region, from the centre of the scan's voxel (0, 0, 0).
        scale: Factor by which the sample is coarser than its nominal spacing.
    """

    shape_zyx: Shape
    middle_mm: Triple
    scale: float


@dataclass(frozen=True)
class ResampledView(OrientedView):
    """A region at an isotropic spacing, of the smallest of the listed sizes that is larger.

    Attributes:
        spacing_mm: Nominal spacing of samples.
        sizes: Sizes that samples can have along z, y and x, ascending.
        around_organs: Whether the region is the bounding box of the labels with a margin; else it is the whole scan, of
            which a sample covers the central part where no size is large enough.
        margin_mm: The margin, which may leave the scan.
        padding_hu: Value outside of the scan.
        label_sigma_voxels: Smoothing of the labels after interpolation.
        intensity: Scaling and its augmentation.
        spatial: Spatial augmentation.
        orientation: "RAS" or "LPS".
    """

    spacing_mm: float
    sizes: Sizes
    around_organs: bool = False
    margin_mm: float = 32.0
    padding_hu: float = -1024.0
    label_sigma_voxels: float = 0.0
    intensity: Intensity = field(default_factory=Intensity)
    spatial: SpatialRanges = field(default_factory=SpatialRanges)
    orientation: str = "LPS"

    @property
    def axis_sizes(self) -> tuple[int, ...]:
        return tuple(size for sizes in self.sizes for size in sizes)

    @property
    def channel_axis(self) -> int:
        return 0

    @property
    def has_fixed_shape(self) -> bool:
        return all(len(sizes) == 1 for sizes in self.sizes)

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        return None

    def cut(self, scan: LabelledScan, rng: np.random.Generator) -> Sample:
        region = self.region(scan)
        step = (self.spacing_mm,) * 3
        z, y, x = ((n - 1) / 2 * self.spacing_mm for n in region.shape_zyx)
        depth, height, width = (n * self.spacing_mm for n in region.shape_zyx)
        mapping = draw_map(
            self.spatial,
            rng,
            sample_middle_mm=(z, y, x),
            scan_middle_mm=region.middle_mm,
            extent_mm=(depth, height, width),
            base_scale=region.scale,
        )
        positions = mapping.positions(region.shape_zyx, step, scan.spacing_mm)
        hu = ndimage.map_coordinates(
            scan.image, positions, output=np.float32, order=1, mode="constant", cval=self.padding_hu
        )
        labels = ndimage.map_coordinates(scan.labels, positions, output=np.uint8, order=0, mode="constant", cval=0)
        image = self.intensity.augmented(hu, rng)
        return Sample(image[None], smoothed_labels(labels, self.label_sigma_voxels))

    def segment(self, scan: LabelledScan, scores_of: ScoresOf, decode: Decode) -> np.ndarray:
        region = self.region(scan)
        step = self.spacing_mm * region.scale
        to_scan, to_sample, parts, nearest = [], [], [], []
        for count, size, middle, spacing in zip(
            scan.image.shape, region.shape_zyx, region.middle_mm, scan.spacing_mm, strict=True
        ):
            in_scan = (middle + (np.arange(size) - (size - 1) / 2) * step) / spacing
            outside = (in_scan < -0.5) | (in_scan > count - 0.5)
            weights = sampled_matrix(count, in_scan)
            weights[outside] = 0.0
            to_sample.append(weights)
            nearest.append(np.clip(np.rint(in_scan).astype(int), 0, count - 1))
            in_sample = (np.arange(count) * spacing - middle) / step + (size - 1) / 2
            seen = np.flatnonzero((in_sample >= -0.5) & (in_sample <= size - 0.5))
            parts.append(slice(int(seen[0]), int(seen[-1]) + 1))
            to_scan.append(sampled_matrix(size, in_sample[seen]))
        hu = resample_separable(scan.image, *to_sample)
        labels = scan.labels[np.ix_(*nearest)]
        for axis, weights in enumerate(to_sample):
            outside = ~weights.any(axis=1)
            np.moveaxis(hu, axis, 0)[outside] = self.padding_hu
            np.moveaxis(labels, axis, 0)[outside] = 0
        scores = scores_of(Sample(self.intensity.plain(hu)[None], labels))
        values = np.zeros(scan.image.shape, np.uint8)
        values[tuple(parts)] = decoded_by_slice(scores, to_scan, decode)
        return values

    def region(self, scan: LabelledScan) -> Region:
        """The region that a sample of this scan covers.

        The published code places the centre of a bounding box half a millimetre lower, where half a voxel was probably
        intended; here it is the centre.
        """
        counts, spacing = np.asarray(scan.image.shape), np.asarray(scan.spacing_mm)
        low, high = np.zeros(3), (counts - 1) * spacing
        extent = counts * spacing
        if self.around_organs and scan.labels.any():
            organs = content_window(scan.labels)
            low = np.array([part.start for part in organs]) * spacing - self.margin_mm
            high = np.array([part.stop - 1 for part in organs]) * spacing + self.margin_mm
            extent = high - low
        needed = np.ceil(extent / self.spacing_mm)
        z, y, x = (
            next((size for size in sizes if size > count), sizes[-1])
            for sizes, count in zip(self.sizes, needed, strict=True)
        )
        largest = np.array([sizes[-1] for sizes in self.sizes])
        scale = max(1.0, float((np.trunc(extent / self.spacing_mm) / largest).max())) if self.around_organs else 1.0
        middle_z, middle_y, middle_x = ((low + high) / 2).tolist()
        return Region((z, y, x), (middle_z, middle_y, middle_x), scale)
