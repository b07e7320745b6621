"""Detects that a region cuts off an organ, and enlarges the region there.

An addition of ours: the authors' pipeline does not check the localization, and an organ that reaches out of the
region ends at a flat face without a warning.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.geometry import Box
from flarecli.resample import class_map
from flarecli.systems.efficientscn.constants import EfficientScnConstants
from flarecli.systems.efficientscn.geometry import SegmentationPlan


@dataclass(frozen=True)
class Face:
    """One face of a region.

    Attributes:
        name: Its direction in the patient.
        axis: 0, 1, 2 for z, y, x.
        side: 0 for the lower face, 1 for the upper one, in LPS.
    """

    name: str
    axis: int
    side: int


FACES = (
    Face("inferior", 0, 0),
    Face("superior", 0, 1),
    Face("anterior", 1, 0),
    Face("posterior", 1, 1),
    Face("right", 2, 0),
    Face("left", 2, 1),
)


def cutting_faces(
    scores: np.ndarray,
    plan: SegmentationPlan,
    spacing_mm: tuple[float, float, float],
    constants: EfficientScnConstants,
    above_mm2: float,
) -> tuple[Face, ...]:
    """The faces of a segmented region that lie inside the scan and have organ voxels right behind them.

    A face counts as inside where at least one network voxel of the scan lies beyond it.

    Args:
        scores: float32 array of shape (classes, z, y, x) in LPS; class 0 is the background.
        plan: The region's.
        spacing_mm: Of the scan.
        above_mm2: Organs must cover more than this of the face: their volume in the layers behind it by the depth of
            the layers.
    """
    found = []
    for face in FACES:
        beyond_mm = plan.cropping[face.axis][face.side] * spacing_mm[face.axis]
        if beyond_mm < plan.spacing_mm:
            continue
        depth = constants.touch_depth_voxels
        layer = slice(None, depth) if face.side == 0 else slice(-depth, None)
        index = (slice(None),) * (1 + face.axis) + (layer,)
        if np.count_nonzero(class_map(scores[index])) * plan.spacing_mm**2 / depth > above_mm2:
            found.append(face)
    return tuple(found)


def enlarged_region(
    region_lps_mm: Box,
    plan: SegmentationPlan,
    faces: tuple[Face, ...],
    extent_mm: tuple[float, float, float],
    constants: EfficientScnConstants,
) -> Box:
    """The region with some faces moved outwards from where the network's box ended.

    They go at most to the scan's border.

    Args:
        region_lps_mm: The region that `plan` was made for.
        plan: The grid of the network's input.
        faces: The faces to move.
        extent_mm: Of the whole scan.
    """
    start, end = list(region_lps_mm.start_mm), list(region_lps_mm.end_mm)
    for face in faces:
        axis = face.axis
        if face.side == 0:
            start[axis] = max(0.0, plan.box_lps_mm.start_mm[axis] - constants.growth_mm)
        else:
            end[axis] = min(extent_mm[axis], plan.box_lps_mm.end_mm[axis] + constants.growth_mm)
    return Box((start[0], start[1], start[2]), (end[0], end[1], end[2]))
