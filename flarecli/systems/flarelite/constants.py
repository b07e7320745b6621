"""The numbers of flarelite; our own design, `docs/flarelite.md` says what decided them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SpacingRange:
    """Sizes that a network's voxels may have.

    Attributes:
        finest_mm: Never smaller along any axis, but in scans thinner than a voxel.
        coarsest_mm: Never larger.
    """

    finest_mm: float
    coarsest_mm: float

    @property
    def middle_mm(self) -> float:
        """Voxel size at which networks are trained."""
        return (self.finest_mm + self.coarsest_mm) / 2


@dataclass(frozen=True)
class FlareliteConstants:
    """Resolutions, intensities and filters of the two stages. Axes are z, y, x.

    Attributes:
        body_step_mm: The body is detected on voxels at about this distance.
        body_least_hu: Voxels above this are not air.
        body_plane_share: The body extends to sagittal and coronal planes of which it fills more than this fraction.
        body_margin_mm: Margin around the body.
        locate_spacing: Voxel sizes of the first stage.
        refine_spacing: Voxel sizes of the second stage.
        locate_multiple: Sizes of the first network's input are multiples of this.
        refine_multiple: Sizes of the second network's input are multiples of this.
        window_hu: Intensities are clipped to this range.
        scale_hu: Clipped intensities are divided by this.
        region_margin_mm: Margin around the organs of the first stage.
        refine_share: Weight of the second stage where the two are averaged.
        pancreas_least_hu: Voxels of the second stage below this are fat, never pancreas.
        kept_components: How many connected parts of liver, kidneys, spleen and pancreas are kept at most; a thin
            pancreas may fall in two.
        component_minimum_mm3: Smaller parts are dropped.
        without_thin_attachments: Organs of which parts behind a bridge of one or two voxels are removed. The
            heart's apex is as bright as the liver without contrast.
        touch_area_mm2: How much of a region's face organs may cover before they count as cut there.
    """

    body_step_mm: float = 4.0
    body_least_hu: float = -500.0
    body_plane_share: float = 0.02
    body_margin_mm: float = 20.0
    locate_spacing: SpacingRange = SpacingRange(2.9, 3.4)
    refine_spacing: SpacingRange = SpacingRange(2.0, 2.3)
    locate_multiple: int = 16
    refine_multiple: int = 8
    window_hu: tuple[float, float] = (-300.0, 400.0)
    scale_hu: float = 350.0
    region_margin_mm: float = 16.0
    refine_share: float = 0.7
    pancreas_least_hu: float = -50.0
    kept_components: tuple[int, int, int, int] = (1, 2, 1, 2)
    component_minimum_mm3: float = 500.0
    without_thin_attachments: tuple[str, ...] = ("liver",)
    touch_area_mm2: float = 20.0
