"""Another contrast phase for a labelled scan: organs lose or gain enhancement, vessels and bowel wall with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from flarecli.geometry import content_window
from flarecli.organs import ORGANS

Triple = tuple[float, float, float]

PLAIN_HU = {"liver": 57.0, "kidneys": 32.0, "spleen": 47.0, "pancreas": 38.0}
"""Mean of healthy organs without contrast agent, HU. Source: textbook values, as in `flarecli.phantom.tissues`."""

_FULL_HU = {"liver": 50.0, "kidneys": 145.0, "spleen": 65.0, "pancreas": 57.0}
"""What the portal venous phase adds to that, HU. Source: the same."""

_LEAST_KIDNEY_HU = 75.0
"""Kidneys darker than this have no contrast agent that could be taken away."""

_PLAIN_RANGE_HU = {"liver": (-30.0, 70.0), "kidneys": (20.0, 42.0), "spleen": (32.0, 62.0), "pancreas": (0.0, 55.0)}
"""What an organ without contrast agent may come to; outside it the estimate is not believed."""

_SMOOTH_MM = 4.0
"""Standard deviation over which enhancement is measured; finer detail and noise stay as they are."""

_EDGE_MM = 1.6
"""Standard deviation of the soft border of an organ, so that voxels that are half fat change by half."""

_SOFT_TISSUE_HU = 52.0
"""What vessels, bowel wall and muscle come to without contrast agent."""

_BONE_HU = 240.0
_BONE_REACH_MM = 5.0


@dataclass(frozen=True)
class ContrastChange:
    """What becomes of the contrast agent.

    Attributes:
        remaining: By organ, and under "vessels" for soft tissue beside the organs: what is left of the enhancement;
            1 changes nothing, 0 takes it away, above 1 adds to it.
        offset_hu: By organ: added besides.
    """

    remaining: dict[str, float]
    offset_hu: dict[str, float]


def is_enhanced(hu: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the kidneys of a scan (HU and labels, (z, y, x)) hold contrast agent; False without kidneys."""
    kidneys = hu[labels == _label("kidneys")]
    return bool(kidneys.size and float(np.median(kidneys)) >= _LEAST_KIDNEY_HU)


def with_contrast(hu: np.ndarray, labels: np.ndarray, spacing_mm: Triple, change: ContrastChange) -> np.ndarray:
    """The scan as it might look in another phase.

    Enhancement is measured as the smoothed intensity of an organ above what the organ would have without contrast
    agent; a share of it is taken away or added. Near an organ's surface the change fades over the voxels that are
    partly something else. Beside the organs, soft tissue brighter than muscle that is no bone changes likewise.

    Args:
        hu: Scan with contrast agent, (z, y, x).
        labels: FLARE labels of the same shape; values above the organs' count as background.
        spacing_mm: Voxel size along z, y and x.
        change: What becomes of it.

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
    """HU that each organ present would have without contrast agent.

    How much there is of it is read from the kidneys, which hold nothing else that is bright.
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


def _window(mask: np.ndarray, spacing_mm: Triple) -> tuple[slice, ...]:
    """The box of an organ, with room for its soft border."""
    room = [int(np.ceil(4 * _EDGE_MM / step)) + 1 for step in spacing_mm]
    organ = content_window(mask)
    return tuple(slice(max(0, part.start - more), part.stop + more) for part, more in zip(organ, room, strict=True))


def _share_and_intensity(hu: np.ndarray, mask: np.ndarray, spacing_mm: Triple) -> tuple[np.ndarray, np.ndarray]:
    """How much of each voxel is organ, and the organ's smoothed intensity there, continued beyond its surface."""
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
    """HU above soft tissue without contrast agent, 0 in and near bone."""
    bone = (hu > _BONE_HU).astype(np.float32)
    near_bone = ndimage.gaussian_filter(bone, [_BONE_REACH_MM / step for step in spacing_mm])
    enhancement = np.clip(hu.astype(np.float32) - np.float32(_SOFT_TISSUE_HU), 0, None)
    result: np.ndarray = enhancement * np.clip(1 - 6 * near_bone, 0, 1)
    return result
