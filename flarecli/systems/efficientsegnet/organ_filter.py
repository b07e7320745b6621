"""Logits of independent organs to one label map: the largest connected parts of each organ, later organs on top."""

from __future__ import annotations

import math

import numpy as np

from flarecli.organs import ORGANS
from flarecli.resample import restore_mask, window_of_mask
from flarecli.systems.components import largest_components
from flarecli.systems.efficientsegnet.constants import EfficientSegNetConstants


def coarse_organs(logits: np.ndarray, voxel_mm3: float, constants: EfficientSegNetConstants) -> np.ndarray:
    """Where any organ of the coarse network lies, small and surplus parts removed.

    Args:
        logits: float32 array of shape (organs, z, y, x); an organ is where its logit is at least 0.
        voxel_mm3: Volume of a voxel.

    Returns:
        bool array of shape (z, y, x).
    """
    found = np.zeros(logits.shape[1:], bool)
    for organ_logits, count in zip(logits, constants.kept_components, strict=True):
        found |= largest_components(organ_logits >= 0, count, constants.coarse_minimum_mm3 / voxel_mm3)
    return found


def restore_organs(
    logits: np.ndarray, out: np.ndarray, above_voxels: float, constants: EfficientSegNetConstants
) -> None:
    """Write the labels of the fine network onto the grid of the scan, one organ after the other.

    Where organs overlap, the one with the higher label is kept. Source: code.

    Args:
        logits: float32 array of shape (organs, z, y, x).
        out: uint8 array of shape (z, y, x), zero, any strides: the window of the network's input.
        above_voxels: Parts of this many voxels of `out` or fewer are dropped.
    """
    for organ, organ_logits, count in zip(ORGANS, logits, constants.kept_components, strict=True):
        window = window_of_mask(organ_logits, out.shape)
        if window is None:
            continue
        labels = out[window]
        mask = np.empty(labels.shape, bool)
        z, y, x = window
        restore_mask(organ_logits, out.shape, mask, (z.start, y.start, x.start))
        np.copyto(labels, np.uint8(organ.label), where=largest_components(mask, count, above_voxels))


def fine_minimum_voxels(
    window_shape_zyx: tuple[int, ...], spacing_mm: tuple[float, float, float], constants: EfficientSegNetConstants
) -> float:
    """The smallest volume of an organ's part as a number of the scan's voxels."""
    voxels = constants.fine_minimum_mm3 / math.prod(spacing_mm)
    if constants.fine_minimum_in_network_voxels:
        voxels *= math.prod(constants.fine_shape_zyx) / math.prod(window_shape_zyx)
    return voxels
