"""Settings of the augmentation of real scans."""

from __future__ import annotations

from dataclasses import dataclass, field

from flarecli.training.views.spatial_map import SpatialRanges


@dataclass(frozen=True)
class VariationSettings:
    """Augmentation of real scans, each time before samples are cut from them. Shares are fractions of the scans, 0-1.

    Attributes:
        deformed_share: Scans that are rotated, scaled and deformed.
        spatial: Ranges of that.
        unenhanced_share: Scans whose contrast enhancement is removed, all or nearly all of it.
        weaker_share: Scans whose contrast enhancement is reduced, by the same factor in all organs.
        arterial_share: Scans with brighter kidneys, spleen and pancreas and a darker liver, as in the late arterial
            phase.
        offset_hu: Standard deviation of a random offset of each organ in every scan whose contrast is changed, HU.
        restored_air_share: Of scans clipped to a display window: fraction whose air and dense bone are restored. The
            others stay clipped, so that a network learns both.
        blurred_share: Scans with thicker slices, a softer kernel and noise.
        slice_mm: Largest slice thickness of these, mm.
        blur_mm: Largest standard deviation of their blur in the plane, mm.
        noise_hu: Largest standard deviation of their additional noise, HU.
    """

    deformed_share: float = 0.0
    spatial: SpatialRanges = field(
        default_factory=lambda: SpatialRanges(
            elastic_mm=8.0, elastic_nodes=8, axis_scale=0.08, global_scale=0.15, rotation_rad=0.17, translation_mm=0.0
        )
    )
    unenhanced_share: float = 0.0
    weaker_share: float = 0.0
    arterial_share: float = 0.0
    offset_hu: float = 6.0
    restored_air_share: float = 0.0
    blurred_share: float = 0.0
    slice_mm: float = 7.0
    blur_mm: float = 1.5
    noise_hu: float = 25.0

    @property
    def changes_anything(self) -> bool:
        """Whether any scan is augmented."""
        shares = (
            self.deformed_share,
            self.unenhanced_share,
            self.weaker_share,
            self.arterial_share,
            self.restored_air_share,
            self.blurred_share,
        )
        return any(shares)
