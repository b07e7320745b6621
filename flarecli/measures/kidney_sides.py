"""Separation of left and right kidney by connected components and the midline of the spine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from flarecli.connected_parts import connected_parts
from flarecli.geometry import Grid, Window, bounding_window
from flarecli.organs import KIDNEYS, LEFT_KIDNEY

_CONNECTIVITY = 26
_BONE_HU = 180  # above enhanced parenchyma and vessels of the portal venous phase, below vertebral bodies' cortex
_SPINE_WIDTH_MM = 45.0  # of a lumbar vertebral body, transverse; Panjabi et al., Spine 1992: 41 to 49 mm
_BODY_HU = -300
_APART_MM = 80.0
"""Between the centres of two kidneys along x, from which on they lie on two sides of the spine, whatever the bone says:
beside a spine of 45 mm there is no room for both on one side. Those of the 13 scans of BTCV are 115 to 187 mm apart."""
_FUSED_SHARE = 0.2  # of a part that lies on either side, from which on it counts as both kidneys fused


@dataclass(frozen=True)
class KidneySides:
    """The kidneys of one label map, separated.

    Attributes:
        together: uint8 label map of shape (z, y, x), 2 both kidneys; it is not changed.
        window: The box around both kidneys; None where there are none.
        is_left: bool array of the shape of the window: what belongs to the left kidney.
        midline_x: Index along x at which the sides part.
        is_fused: Whether one connected part reaches far to both sides, as horseshoe kidneys do; it is parted at the
            midline.
    """

    together: np.ndarray
    window: Window | None
    is_left: np.ndarray
    midline_x: float
    is_fused: bool

    @cached_property
    def labels(self) -> np.ndarray:
        """uint8 label map of shape (z, y, x): 2 is the right kidney, `LEFT_KIDNEY` the left one, others as before."""
        labels = self.together.copy()
        if self.window is not None:
            labels[self.window][self.is_left] = LEFT_KIDNEY
        return labels


def kidney_sides(labels: np.ndarray, voxels: np.ndarray, grid: Grid) -> KidneySides:
    """Separate left and right kidney.

    Each connected part goes to the side that holds most of it; a part of which a fifth or more lies on either side is
    fused and parted voxel by voxel. Without kidneys the labels are unchanged.

    Args:
        labels: uint8 label map in canonical RAS+, shape (z, y, x); 2 is both kidneys.
        voxels: int16 HU of the same shape.
        grid: Where they lie.
    """
    window = bounding_window(labels == KIDNEYS)
    if window is None:
        return KidneySides(labels, None, np.zeros((0, 0, 0), bool), labels.shape[2] / 2, False)
    mask = labels[window] == KIDNEYS
    parts, count = connected_parts(mask, _CONNECTIVITY)
    behind = slice(0, window[1].start + round(_centre(np.count_nonzero(mask, axis=(0, 2)))))
    midline_x = _midline_x(voxels[window[0]], labels[window[0]], behind, grid)
    sizes = np.bincount(parts[mask], minlength=count + 1)
    between = _between_two_parts(parts, sizes, window[2], grid)
    if between is not None and not between[0] < midline_x < between[1]:
        midline_x = (between[0] + between[1]) / 2
    is_left_x = np.arange(window[2].start, window[2].stop) < midline_x
    begin = int(np.count_nonzero(is_left_x))  # of the right side within the window
    on_left = np.bincount(parts[:, :, :begin][mask[:, :, :begin]], minlength=count + 1)
    share = on_left / np.maximum(sizes, 1)
    fused = (share >= _FUSED_SHARE) & (share <= 1 - _FUSED_SHARE)
    # Small crumbs on the midline are no horseshoe kidney.
    fused &= sizes > sizes[1:].max() * _FUSED_SHARE
    left = np.zeros_like(mask)
    left[mask] = (share > 0.5)[parts[mask]]
    if fused.any():
        left = np.where(fused[parts], is_left_x & mask, left)
    return KidneySides(labels, window, left, midline_x, bool(fused.any()))


def _between_two_parts(parts: np.ndarray, sizes: np.ndarray, along_x: slice, grid: Grid) -> tuple[float, float] | None:
    """Indices along x of the centres of the two largest parts, where these can only be a left and a right kidney."""
    if len(sizes) < 3:  # the first one is the background's
        return None
    smaller, larger = 1 + np.argsort(sizes[1:], kind="stable")[-2:]
    if sizes[smaller] < _FUSED_SHARE * sizes[larger]:
        return None
    low, high = sorted(
        along_x.start + _centre(np.count_nonzero(parts == part, axis=(0, 1))) for part in (smaller, larger)
    )
    return (low, high) if (high - low) * grid.spacing_mm[2] > _APART_MM else None


def _midline_x(voxels: np.ndarray, labels: np.ndarray, behind: slice, grid: Grid) -> float:
    """Index along x of the spine: where bone is densest over the width of a vertebra; of the body's middle without.

    Bone is looked for behind the middle of the kidneys first: in front of it contrast in the colon may be as dense and
    wider.
    """
    bone_x = _bone_x(voxels[:, behind], labels[:, behind])
    if bone_x.sum() == 0:
        bone_x = _bone_x(voxels, labels)
    if bone_x.sum() == 0:
        body_x = np.count_nonzero(voxels > _BODY_HU, axis=(0, 1)).astype(np.float64)
        return _centre(body_x) if body_x.sum() else len(body_x) / 2
    width = max(1, round(_SPINE_WIDTH_MM / grid.spacing_mm[2]))
    smooth = np.convolve(bone_x, np.ones(width), mode="same")
    peak = int(np.argmax(smooth))
    low, high = max(0, peak - width // 2), peak + width // 2 + 1
    return low + _centre(bone_x[low:high])


def _bone_x(voxels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    bone_x = np.zeros(voxels.shape[2])
    for axial, organs in zip(voxels, labels, strict=True):  # slice by slice, in the processor's cache
        bone_x += np.count_nonzero((axial > _BONE_HU) & (organs == 0), axis=0)
    return bone_x


def _centre(counts: np.ndarray) -> float:
    return float(counts @ np.arange(len(counts)) / counts.sum()) + 0.5
