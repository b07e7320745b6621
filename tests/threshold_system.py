"""A system without networks, for tests of everything around the systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from flarecli.errors import InputError
from flarecli.geometry import Box
from flarecli.steps import Steps
from flarecli.systems.base import Network, NetworkSpec, RegionRequest, Segmentation, System
from flarecli.volume import Volume

LIVER_HU = 40
"""Voxels above this are "liver"."""
NO_ORGAN_HU = 2000
"""A scan with voxels above this has "no organ region"; above the next, the system fails as a defect would."""
DEFECT_HU = 3000


class ThresholdSystem(System):
    """Calls soft tissue liver."""

    name: ClassVar[str] = "threshold"
    title: ClassVar[str] = "Soft tissue is liver"
    paper: ClassVar[str] = "none"
    networks: tuple[NetworkSpec, ...] = ()

    def segment(
        self, volume: Volume, networks: Mapping[str, Network], region: RegionRequest, steps: Steps
    ) -> Segmentation:
        with steps("segment"):
            if volume.voxels.max() > DEFECT_HU:
                raise ZeroDivisionError("a defect")
            if volume.voxels.max() > NO_ORGAN_HU:
                raise InputError("no organ region was found in the scan", path=volume.path, remedy="Look at it.")
            labels = (volume.voxels > LIVER_HU).astype(np.uint8)
        box = region.box_mm or Box((0.0, 0.0, 0.0), volume.grid.extent_mm)
        return Segmentation(labels, box, warnings=("made by a threshold",), facts={"mode": region.mode})
