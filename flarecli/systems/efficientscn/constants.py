"""The numbers of EfficientSCN's inference, each with its source.

"Code" is the authors' public inference code, "paper" the article;
`docs/efficientscn.md` sets the two side by side.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EfficientScnConstants:
    """Sizes, spacings and margins of the two stages. Axes are z, y, x; intensities HU before scaling.

    Attributes:
        localization_spacing_mm: Isotropic spacing of the localization. Code.
        localization_sizes: Allowed sizes along z, y and x. Code; the largest: paper too.
        localization_ratio_margin: Added to the factor by which a scan exceeds the largest size, before the
            spacing is enlarged by it. Code.
        localization_padding_hu: Value around a scan that is smaller than its input. Code.
        least_part_ml: Parts of the localization mask with a smaller volume do not widen the region. Ours: stray parts
            in four real scans had at most 11 mL, parts of organs 112 or more; a kidney that is smaller than this is
            missed unless it lies in the region of the others. The code takes all parts, as 0 does.
        region_margin_mm: Margin around the localized organs. Code; the paper says up to 16 voxels.
        segmentation_spacing_mm: Isotropic spacing of the segmentation where the region fits. Paper,
            code.
        segmentation_sizes: Allowed sizes along z, y and x. Code; the largest: paper too.
        segmentation_largest_fit_mm: Regions that would need a larger spacing than this to fill the largest
            input get that spacing, enlarged. Code; the paper enlarges above 2 mm only.
        segmentation_spacing_margin_mm: The enlargement. Code.
        smoothing_sigma_mm: Gaussian before the segmentation's resampling. Code.
        crop_end_margin_mm: Added to the upper face of the region when it becomes a range of voxels. Code,
            where one voxel was probably meant.
        intensity_scale: HU are divided by this, then clipped to [-1, 1]. Code.
        assumed_spacing_of_unit_mm: What a spacing of exactly 1 x 1 x 1 is replaced with, z, y, x; None keeps
            it. The code assumes the mean of the FLARE21 training scans, (2.52795318268203, 0.814528640267884,
            0.814528640267884), presumably because some files lost
            their spacing. Off here: genuine 1 mm scans exist.
        touch_depth_voxels: Depth of the layer at a face of the region, in network voxels, in which organ
            voxels mean that the region cuts an organ. Ours.
        touch_area_mm2: How much of a face organs may cover before they count as cut there. Ours: less than any
            organ's section.
        second_pass_area_mm2: How much they may cover before the region is moved there and segmented again. Ours: a
            disc of 11 mm; what real scans show is either up to 60 mm², stray voxels, or more than 160.
        growth_mm: How far a face that cuts an organ is moved outwards for a second run. Ours: the margin
            around the true organ boxes that the authors train with.
    """

    localization_spacing_mm: float = 6.0
    localization_sizes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] = (
        tuple(range(32, 257, 16)),
        (32, 48, 64, 80),
        (32, 48, 64, 80),
    )
    localization_ratio_margin: float = 0.02
    localization_padding_hu: float = -1024.0
    least_part_ml: float = 15.0
    region_margin_mm: float = 10.0
    segmentation_spacing_mm: float = 2.0
    segmentation_sizes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] = (
        (32, 64, 96, 128, 160),
        (32, 64, 96, 128),
        (32, 64, 96, 128, 160),
    )
    segmentation_largest_fit_mm: float = 1.9
    segmentation_spacing_margin_mm: float = 0.1
    smoothing_sigma_mm: float = 1.0
    crop_end_margin_mm: float = 1.0
    intensity_scale: float = 2048.0
    assumed_spacing_of_unit_mm: tuple[float, float, float] | None = None
    touch_depth_voxels: int = 2
    touch_area_mm2: float = 20.0
    second_pass_area_mm2: float = 100.0
    growth_mm: float = 32.0
