"""Simulates another contrast phase of a labelled scan: enhancement of organs, vessels and bowel wall is scaled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from flarecli.geometry import Window, content_window, widened
from flarecli.organs import ORGANS

Triple = tuple[float, float, float]

PLAIN_HU = {"liver": 57.0, "kidneys": 32.0, "spleen": 47.0, "pancreas": 38.0}
"""Mean of healthy organs without contrast agent, HU. Source: textbook values, as in `flarecli.phantom.tissues`."""

_FULL_HU = {"liver": 50.0, "kidneys": 145.0, "spleen": 65.0, "pancreas": 57.0}
"""Enhancement in the portal venous phase, HU. Source: the same."""

_LEAST_KIDNEY_HU = 75.0
"""Kidneys darker than this are not enhanced."""

_PLAIN_RANGE_HU = {"liver": (-30.0, 70.0), "kidneys": (20.0, 42.0), "spleen": (32.0, 62.0), "pancreas": (0.0, 55.0)}
"""Plausible intensities of unenhanced organs; estimates are clipped to them."""

_SMOOTH_MM = 4.0
"""Standard deviation of the Gaussian with which enhancement is estimated; finer detail and noise are unchanged."""

_EDGE_MM = 1.6
"""Standard deviation of the soft border of an organ (partial volume)."""

_SOFT_TISSUE_HU = 52.0
"""Intensity of unenhanced vessels, bowel wall and muscle."""

_BONE_HU = 240.0
_BONE_REACH_MM = 5.0


@dataclass(frozen=True)
class ContrastChange:
    """A change of the contrast enhancement.

    Attributes:
        remaining: By organ, and under "vessels" for soft tissue outside the organs: factor of the enhancement; 1 is no
            change, 0 removes it.
        offset_hu: By organ: added in addition.
    """

    remaining: dict[str, float]
    offset_hu: dict[str, float]


def is_enhanced(hu: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the kidneys of a scan (HU and labels, (z, y, x)) hold contrast agent; False without kidneys."""
    kidneys = hu[labels == _label("kidneys")]
    return bool(kidneys.size and float(np.median(kidneys)) >= _LEAST_KIDNEY_HU)


def with_contrast(hu: np.ndarray, labels: np.ndarray, spacing_mm: Triple, change: ContrastChange) -> np.ndarray:
    """Simulate the scan in another phase.

    Enhancement is estimated as the smoothed intensity of an organ minus its estimated unenhanced intensity, and
    scaled. At an organ's surface the change fades over the voxels with partial volume. Outside the organs, soft tissue
    brighter than muscle that is not bone is changed likewise.

    Args:
        hu: Scan with contrast agent, (z, y, x).
        labels: FLARE labels of the same shape; values above the organs' count as background.
        spacing_mm: Voxel size along z, y and x.
        change: The change.

    Returns:
        float32 HU of the same shape.
    """
    changed = hu.astype(np.float32)
    plain = plain_intensities(hu, labels)
    covered = np.zeros(hu.shape, np.float32)
    for organ in ORGANS:
        if organ.name not in plain:
            continue
        mask = labels == organ.label
        window = _window(mask, spacing_mm)
        share, smooth = _share_and_intensity(hu[window], mask[window], spacing_mm)
        enhancement = smooth - np.float32(plain[organ.name])
        added = np.float32(change.remaining[organ.name] - 1) * enhancement + np.float32(change.offset_hu[organ.name])
        changed[window] += share * added
        np.maximum(covered[window], share, out=covered[window])
    left = change.remaining["vessels"]
    if left != 1.0:
        changed += (1 - covered) * np.float32(left - 1) * _enhancement_beside(hu, spacing_mm)
    return changed


def plain_intensities(hu: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Estimated unenhanced HU of each organ present.

    The strength of the enhancement is estimated from the kidneys, where nothing else is bright.
    """
    medians = {}
    for organ in ORGANS:
        values = hu[labels == organ.label]
        if values.size:
            medians[organ.name] = float(np.median(values))
    if "kidneys" not in medians:
        return {}
    strength = min((medians["kidneys"] - PLAIN_HU["kidneys"]) / _FULL_HU["kidneys"], 1.2)
    return {
        name: float(np.clip(median - strength * _FULL_HU[name], *_PLAIN_RANGE_HU[name]))
        for name, median in medians.items()
    }


def _label(name: str) -> int:
    return next(organ.label for organ in ORGANS if organ.name == name)


def _window(mask: np.ndarray, spacing_mm: Triple) -> Window:
    """The bounding box of an organ with a margin for its soft border."""
    return widened(content_window(mask), [int(np.ceil(4 * _EDGE_MM / step)) + 1 for step in spacing_mm], mask.shape)


def _share_and_intensity(hu: np.ndarray, mask: np.ndarray, spacing_mm: Triple) -> tuple[np.ndarray, np.ndarray]:
    """Fraction of each voxel inside the organ, and the organ's smoothed intensity, extrapolated beyond its surface."""
    sigma = [_SMOOTH_MM / step for step in spacing_mm]
    solid = mask.astype(np.float32)
    # The outermost voxels hold other tissue: the intensity is measured inside of them where there is an inside.
    core = ndimage.binary_erosion(mask)
    counted = (core if core.any() else mask).astype(np.float32)
    total = ndimage.gaussian_filter(counted, sigma)
    known = total > 1e-3
    mean = float((hu * counted).sum() / counted.sum())
    smooth = np.full(hu.shape, mean, np.float32)
    weighted = ndimage.gaussian_filter((hu - np.float32(mean)) * counted, sigma)
    smooth[known] += weighted[known] / total[known]
    share = ndimage.gaussian_filter(solid, [_EDGE_MM / step / 2 for step in spacing_mm])
    return share, smooth


def _enhancement_beside(hu: np.ndarray, spacing_mm: Triple) -> np.ndarray:
    """HU above unenhanced soft tissue, 0 in and near bone."""
    bone = (hu > _BONE_HU).astype(np.float32)
    near_bone = ndimage.gaussian_filter(bone, [_BONE_REACH_MM / step for step in spacing_mm])
    enhancement = np.clip(hu.astype(np.float32) - np.float32(_SOFT_TISSUE_HU), 0, None)
    result: np.ndarray = enhancement * np.clip(1 - 6 * near_bone, 0, 1)
    return result
