"""How much real scans are changed in training, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from flarecli.training.views.spatial_map import SpatialRanges


@dataclass(frozen=True)
class VariationSettings:
    """How real scans are changed, each time before samples are cut from them. All shares are in 0-1.

    Attributes:
        deformed_share: How many are rotated, scaled and deformed.
        spatial: How far.
        unenhanced_share: How many lose the contrast agent, all or nearly all of it.
        weaker_share: How many lose a part of it, the same in all organs.
        arterial_share: How many have kidneys, spleen and pancreas brighter and the liver darker, as in the late
            arterial phase.
        offset_hu: Standard deviation of a random offset of each organ in every scan whose contrast is changed, HU.
        restored_air_share: Of scans cut to a display window: how many get air and dense bone back. The others stay
            cut, so that a network learns both.
        blurred_share: How many get thick slices, a softer kernel and noise.
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
        """Whether any scan is changed at all."""
        shares = (
            self.deformed_share,
            self.unenhanced_share,
            self.weaker_share,
            self.arterial_share,
            self.restored_air_share,
            self.blurred_share,
        )
        return any(shares)
