"""EfficientSegNet from a scan to its label map: localize at 160³ voxels, segment the region at 192³, restore."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from flarecli.engine.precision_choice import INT8_ON_REQUEST
from flarecli.errors import InputError
from flarecli.geometry import Window, box_of_window, cut_faces, whole_window, window_of_box
from flarecli.steps import Steps
from flarecli.systems.base import Network, NetworkSpec, RegionRequest, Segmentation, System
from flarecli.systems.description import NetworkFigures, Publication
from flarecli.systems.efficientsegnet.constants import EfficientSegNetConstants
from flarecli.systems.efficientsegnet.inputs import network_input
from flarecli.systems.efficientsegnet.organ_filter import coarse_organs, fine_minimum_voxels, restore_organs
from flarecli.systems.efficientsegnet.regions import window_around_mask
from flarecli.systems.region_warnings import region_warnings

if TYPE_CHECKING:
    from flarecli.volume import Volume

COARSE = "coarse"
FINE = "fine"


def _build_coarse(shape_zyx: tuple[int, int, int] = EfficientSegNetConstants.coarse_shape_zyx) -> Any:
    from flarecli_models.efficientsegnet import coarse_unet

    return coarse_unet(shape_zyx)


def _build_fine(shape_zyx: tuple[int, int, int] = EfficientSegNetConstants.fine_shape_zyx) -> Any:
    from flarecli_models.efficientsegnet import efficientsegnet

    return efficientsegnet(shape_zyx)


class EfficientSegNet(System):
    """Two stages: a residual U-Net finds the organ region, the context-aware network segments it.

    Args:
        constants: Sizes, intensities and filters; the published ones by default.
    """

    name: ClassVar[str] = "efficientsegnet"
    title: ClassVar[str] = "EfficientSegNet: whole scan at 160³ voxels, organ region at 192³"
    paper: ClassVar[str] = (
        "Zhang, Wang, Yang: Efficient Context-Aware Network for Abdominal Multi-organ Segmentation, FLARE 2021"
    )
    networks: tuple[NetworkSpec, ...] = (
        NetworkSpec(
            COARSE,
            _build_coarse,
            figures=NetworkFigures(2_676_480, (160, 160, 160), 100_188_160_000),
            published_file="FlareSeg/model_weights/base_coarse_model/best_model.pt",
            int8=INT8_ON_REQUEST,
        ),
        NetworkSpec(
            FINE,
            _build_fine,
            figures=NetworkFigures(9_366_016, (192, 192, 192), 357_658_841_088),
            published_file="FlareSeg/model_weights/efficient_fine_model/best_model.pt",
            int8=INT8_ON_REQUEST,
        ),
    )
    publication: ClassVar[Publication | None] = Publication(
        repository="https://github.com/Shanghai-Aitrox-Technology/EfficientSegmentation",
        licence="NOASSERTION",
        how_to_import="Clone the authors' repository with Git LFS and import the checkpoints in it",
    )

    def __init__(self, constants: EfficientSegNetConstants | None = None) -> None:
        self.constants = constants or EfficientSegNetConstants()
        coarse, fine = type(self).networks
        self.networks = (
            coarse.at_shape(self.constants.coarse_shape_zyx),
            fine.at_shape(self.constants.fine_shape_zyx),
        )

    def at_input_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> EfficientSegNet:
        """See `System.at_input_shapes`."""
        coarse_z, coarse_y, coarse_x = shapes.get(COARSE, self.constants.coarse_shape_zyx)
        z, y, x = shapes.get(FINE, self.constants.fine_shape_zyx)
        return EfficientSegNet(
            replace(self.constants, coarse_shape_zyx=(coarse_z, coarse_y, coarse_x), fine_shape_zyx=(z, y, x))
        )

    def segment(
        self, volume: Volume, networks: Mapping[str, Network], region: RegionRequest, steps: Steps
    ) -> Segmentation:
        """Segment one scan; see `System.segment`.

        Raises:
            InputError: when the coarse network finds no organ, or the given box lies outside the scan.
        """
        grid = volume.grid
        facts: dict[str, Any] = {"region_mode": region.mode}
        if region.mode == "auto":
            window = self._localize(volume, networks[COARSE], steps, facts)
        elif region.box_mm is not None:
            window = window_of_box(region.box_mm, grid)
        else:
            window = whole_window(grid)

        with steps("prepare"):
            image = network_input(volume.voxels[window], self.constants.fine_shape_zyx, self.constants)
        with steps("segment"):
            logits = networks[FINE](image)
        with steps("restore"):
            labels = np.zeros(grid.shape_zyx, np.uint8)
            above_voxels = fine_minimum_voxels(labels[window].shape, grid.spacing_mm, self.constants)
            restore_organs(logits, labels[window], above_voxels, self.constants)
        cut = cut_faces(labels[window], window, grid, self.constants.touch_area_mm2)
        facts["segmentation_window_zyx"] = [[part.start, part.stop] for part in window]
        facts["cut_faces"] = list(cut)
        return Segmentation(
            labels=labels,
            region_mm=box_of_window(window, grid),
            warnings=region_warnings(labels, cut),
            facts=facts,
        )

    def _localize(self, volume: Volume, network: Network, steps: Steps, facts: dict[str, Any]) -> Window:
        """Find the organ region of a scan, and note how in `facts`."""
        shape_zyx = self.constants.coarse_shape_zyx
        with steps("prepare"):
            image = network_input(volume.voxels, shape_zyx, self.constants)
        with steps("localize"):
            logits = network(image)
            voxel_mm3 = math.prod(volume.grid.extent_mm) / math.prod(shape_zyx)
            mask = coarse_organs(logits, voxel_mm3, self.constants)
            window = window_around_mask(mask, volume.grid, self.constants)
        if window is None:
            raise InputError(
                "no organ region was found in the scan",
                seen=f"no organ above {self.constants.coarse_minimum_mm3:g} mm³ among {shape_zyx} voxels",
                expected="an abdominal CT in Hounsfield units, upright, its orientation in the header",
                remedy="Check the scan's intensities and orientation, or give `--roi full`.",
            )
        facts["localization_mask_ml"] = int(np.count_nonzero(mask)) * voxel_mm3 / 1000.0
        return window
