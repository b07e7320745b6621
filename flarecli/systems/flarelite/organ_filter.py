"""Which connected parts of each organ are kept, decided on the network's grid before labels are restored."""

from __future__ import annotations

import numpy as np

from flarecli.organs import ORGANS
from flarecli.resample import class_map
from flarecli.systems.components import largest_components
from flarecli.systems.flarelite.attachments import without_thin_attachments
from flarecli.systems.flarelite.constants import FlareliteConstants


def filter_organs(scores: np.ndarray, voxel_mm3: float, constants: FlareliteConstants) -> np.ndarray:
    """Turn surplus, small and thinly attached parts of organs into background, in the scores themselves.

    The scores of organ and background are exchanged there: background has the highest score then, and no score is
    larger than those of the network, so that interpolation does not change neighbouring voxels that are kept.

    Args:
        scores: float32 logits or probabilities of shape (classes, z, y, x); changed in place.
        voxel_mm3: Volume of a voxel.

    Returns:
        uint8 label map of shape (z, y, x) of the remaining parts.
    """
    labels = class_map(scores)
    least_voxels = constants.component_minimum_mm3 / voxel_mm3
    for organ, count in zip(ORGANS, constants.kept_components, strict=True):
        mask = labels == organ.label
        whole = (
            without_thin_attachments(mask, least_voxels) if organ.name in constants.without_thin_attachments else mask
        )
        dropped = mask & ~largest_components(whole, count, least_voxels)
        background = scores[0][dropped]
        scores[0][dropped] = scores[organ.label][dropped]
        scores[organ.label][dropped] = background
        labels[dropped] = 0
    return labels
