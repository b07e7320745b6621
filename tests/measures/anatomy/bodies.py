"""A body of ellipsoids in which every organ lies where it should, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flarecli.measures.anatomy.shapes import organ_shapes
from flarecli.measures.kidney_sides import kidney_sides
from flarecli.measures.quality import OrganConfidence, assess_organs
from flarecli.measures.statistics import kidney_statistics, organ_statistics
from flarecli.organs import KIDNEYS
from tests.labelled_volumes import grid_of, volume_of

SPACING_MM = (3.0, 3.0, 3.0)
SHAPE = (200, 80, 120)
LIVER, SPLEEN, PANCREAS = 1, 3, 4
RIGHT, LEFT = "right kidney", "left kidney"

Points = tuple[float, float, float]
ORGANS: Mapping[str, tuple[int, Points, Points]] = {
    "liver": (LIVER, (490, 130, 260), (70, 65, 75)),
    "spleen": (SPLEEN, (500, 90, 70), (45, 35, 30)),
    RIGHT: (KIDNEYS, (415, 60, 235), (52, 28, 28)),
    LEFT: (KIDNEYS, (425, 60, 110), (52, 28, 28)),
    "pancreas": (PANCREAS, (465, 110, 160), (14, 14, 60)),
}
"""Label, centre and radii along z, y and x in mm; x grows to the right, z to superior."""

FAT_HU, ORGAN_HU, BONE_HU = -100, 110, 300


def ellipsoid(centre_mm: Points, radii_mm: Points) -> np.ndarray:
    """Mask on the body's grid."""
    offsets = (
        ((np.arange(n) + 0.5) * step - centre) / radius
        for n, step, centre, radius in zip(SHAPE, SPACING_MM, centre_mm, radii_mm, strict=True)
    )
    return sum(part**2 for part in np.meshgrid(*offsets, indexing="ij", sparse=True)) < 1


def body(**changes: tuple[int, Points, Points] | None) -> np.ndarray:
    """Label map of the organs, of which some are moved, of another size, or left out; names with `_` for a space."""
    labels = np.zeros(SHAPE, np.uint8)
    renamed = {name.replace("_", " "): change for name, change in changes.items()}
    for organ in {**ORGANS, **renamed}.values():
        if organ is not None:
            labels[ellipsoid(organ[1], organ[2]) & (labels == 0)] = organ[0]
    return labels


def scan_of(labels: np.ndarray) -> np.ndarray:
    """HU of a scan with contrast medium: fat, a spine, organs."""
    hu = np.full(labels.shape, FAT_HU, np.int16)
    hu[:, 5:20, 50:64] = BONE_HU
    hu[labels > 0] = ORGAN_HU
    return hu


def judged(
    labels: np.ndarray, hu: np.ndarray | None = None, spacing_mm: Points = SPACING_MM
) -> dict[str, OrganConfidence]:
    """The quality check of every organ, by its name, from anatomy alone."""
    volume = volume_of(scan_of(labels) if hu is None else hu, grid_of(labels.shape, spacing_mm))
    sides = kidney_sides(labels, volume.voxels, volume.grid)
    found = assess_organs(
        organ_statistics(volume, labels),
        kidney_statistics(volume, sides),
        organ_shapes(volume, sides),
        volume.grid.spacing_mm[0],
    )
    return {organ.name: organ for organ in found}
