"""What is plausible for an organ of an adult, with the sources."""

from __future__ import annotations

from dataclasses import dataclass

from flarecli.organs import BOTH_KIDNEYS_NAME, LEFT_KIDNEY_NAME, RIGHT_KIDNEY_NAME

VOLUMES_ML: dict[str, tuple[float, float]] = {
    "liver": (500.0, 3800.0),
    BOTH_KIDNEYS_NAME: (80.0, 720.0),
    "spleen": (30.0, 630.0),
    "pancreas": (20.0, 175.0),
}
"""Smallest and largest plausible volume. *Source:* half the smallest to one and a half times the largest of the 30
BTCV label maps, without one spleen of 3 L and one patient with hardly any kidney. They hold the central 95 % of 2,989
healthy donors (liver 825 to 1,700, spleen 81 to 322 mL; Kim et al., Radiology 2021) and enlarged livers (2,320 ± 750
mL; Linguraru et al., Acad Radiol 2012). Pancreas: up to four standard deviations above the mean of 1,721 adults (72 ±
26 mL; Saisho et al., Clin Anat 2007), from the smallest of 204 (19 to 140 mL; Abdom Radiol 2019;44:958)."""

FRAGMENT_SHARE = 0.25
"""An organ of less than this part of its smallest plausible volume is a fragment."""

SMALLER_KIDNEY_SHARE = 0.5
"""A kidney below this part of the other's volume is atrophic, or not whole. The smallest in the 13 BTCV scans that
images are at hand of is 0.59."""

KIDNEY_FRAGMENT_ML = 20.0
"""Less than this is no kidney, if the other one is whole: a quarter of the smallest plausible pair."""

MEAN_HU: dict[str, tuple[float, float]] = {
    "liver": (-20.0, 300.0),
    BOTH_KIDNEYS_NAME: (-20.0, 300.0),
    "spleen": (-20.0, 300.0),
    "pancreas": (-40.0, 300.0),
}
"""A mean outside is that of fat, air, contrast medium or bone. Parenchyma lies between severe steatosis of the liver
and the arterial cortex of a kidney (see `flarecli.report.reference`); a pancreas may be replaced by fat."""


@dataclass(frozen=True)
class ShapeLimits:
    """Limits of the shape and the tissue of one organ, or of one kidney.

    Attributes:
        extent_mm: Longest plausible edge of its box.
        largest_part: The largest connected part should hold at least this share of it.
        roughness: Largest plausible `OrganShape.roughness`.
        slice_changes: Largest plausible `OrganShape.slice_changes`.
        least_overlap: Smallest plausible `OrganShape.least_overlap`.
        flat_face: Largest plausible share of `OrganShape.flat_faces`, along z, y and x.
        mixture_hu: Largest plausible `OrganShape.mixture_hu`.
        border_contrast: Smallest plausible `OrganShape.border_contrast` of an enhanced organ; None for no limit.
        contact: Largest plausible share of its surface that lies on one other organ.
    """

    extent_mm: float
    largest_part: float
    roughness: float
    slice_changes: float
    least_overlap: float
    flat_face: tuple[float, float, float]
    mixture_hu: float
    border_contrast: float | None
    contact: float


_KIDNEY = ShapeLimits(180.0, 0.90, 2.6, 1.60, 0.48, (0.45, 0.40, 0.40), 60.0, 0.155, 0.3)

SHAPES: dict[str, ShapeLimits] = {
    "liver": ShapeLimits(320.0, 0.95, 2.6, 1.25, 0.55, (0.40, 0.30, 0.30), 40.0, 0.06, 0.10),
    RIGHT_KIDNEY_NAME: _KIDNEY,
    LEFT_KIDNEY_NAME: _KIDNEY,
    "spleen": ShapeLimits(230.0, 0.95, 2.3, 1.30, 0.55, (0.45, 0.40, 0.40), 40.0, 0.075, 0.15),
    "pancreas": ShapeLimits(220.0, 0.80, 3.4, 2.20, 0.25, (0.75, 0.40, 0.40), 38.0, None, 0.2),
}
"""*Source* of lengths: six standard deviations above the mean of kidneys (109 ± 12 and 111 ± 13 mm of 1,040 adults in
CT; Glodny et al., BMC Urol 2009), of spleens (100 ± 21 mm of 212 adults; Caglar et al., Folia Morphol 2014) and of
livers (172 ± 20 mm craniocaudal, 197 ± 23 mm transverse of 886 adults; Seppelt et al., Sci Rep 2022). The rest: just
beyond what the manual label maps of the 13 BTCV scans reach; contacts: twice and more of it, for patients without fat.
"""

ENHANCED_HU = 75.0
"""A median above this is that of parenchyma with contrast medium, brighter than muscle and gut around it. Without, a
border may lie between tissues of the same brightness."""

THICKEST_SLICE_MM = 6.0
"""In thicker slices an organ may end in a flat face, and neighbouring slices may differ."""

KIDNEY_HEIGHTS_MM = 120.0
"""The centres of the two kidneys differ by less along the body. In the 13 BTCV scans by at most 59, beside a spleen of
3 L."""
