"""EfficientSCN from a scan to its label map: localize at 6 mm, segment the region at 2 mm, restore labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from flarecli.engine.precision_choice import Int8Support
from flarecli.errors import InputError
from flarecli.geometry import Box
from flarecli.resample import restore_labels
from flarecli.steps import Steps
from flarecli.systems.base import Network, NetworkSpec, RegionRequest, Segmentation, System, prepare_network
from flarecli.systems.description import NetworkFigures, Publication
from flarecli.systems.efficientscn.constants import EfficientScnConstants
from flarecli.systems.efficientscn.geometry import (
    SegmentationPlan,
    box_around_mask,
    clipped_to_scan,
    plan_localization,
    plan_segmentation,
    whole_scan,
)
from flarecli.systems.efficientscn.inputs import localization_input, segmentation_input
from flarecli.systems.efficientscn.orientation import LpsFrame, flipped_view
from flarecli.systems.efficientscn.region_enlargement import Face, cutting_faces, enlarged_region
from flarecli.systems.efficientscn.stray_parts import without_stray_parts
from flarecli.systems.region_warnings import region_warnings

if TYPE_CHECKING:
    from flarecli.volume import Volume

LOCALIZATION = "localization"
SEGMENTATION = "segmentation"

_NO_INT8 = Int8Support(
    allowed=False,
    reason="without normalisation what their convolutions are given has no known bounds, and with bounds taken from "
    "scans the organs had DSC 0.95, 0.65, 0.95 and 0.63 against those in float32",
)


def _build_localization() -> Any:
    from flarecli_models.efficientscn import localization_unet

    return localization_unet()


def _build_segmentation() -> Any:
    from flarecli_models.efficientscn import spatial_configuration_net

    return spatial_configuration_net()


@dataclass(frozen=True)
class _Pass:
    """One run of the segmentation network: its region and its result."""

    region_lps_mm: Box
    plan: SegmentationPlan
    scores: np.ndarray


class EfficientScn(System):
    """Two stages: a U-Net finds the organ region, a SpatialConfiguration-Net segments it.

    Args:
        constants: Sizes, spacings and margins; the published ones by default.
    """

    name: ClassVar[str] = "efficientscn"
    title: ClassVar[str] = "EfficientSCN: localization at 6 mm, SpatialConfiguration-Net at 2 mm"
    paper: ClassVar[str] = (
        "Thaler, Payer, Bischof, Stern: Efficient Multi-Organ Segmentation Using "
        "SpatialConfiguration-Net with Low GPU Memory Requirements, FLARE 2021"
    )
    networks: tuple[NetworkSpec, ...] = (
        NetworkSpec(
            LOCALIZATION,
            _build_localization,
            figures=NetworkFigures(637_474, (256, 80, 80), 215_051_468_800, size_varies=True),
            published_file="submitted_saved_models/localization",
            int8=_NO_INT8,
            multiple=16,
        ),
        NetworkSpec(
            SEGMENTATION,
            _build_segmentation,
            output="final",
            figures=NetworkFigures(1_270_090, (160, 128, 160), 439_221_964_800, size_varies=True),
            published_file="submitted_saved_models/segmentation",
            int8=_NO_INT8,
            multiple=32,
        ),
    )
    publication: ClassVar[Publication | None] = Publication(
        repository="https://github.com/franzthaler/FLARE21-EfficientSCN",
        licence="GPL-3.0",
        how_to_import="Clone the authors' repository and import the SavedModels in it",
    )

    def __init__(self, constants: EfficientScnConstants | None = None) -> None:
        self.constants = constants or EfficientScnConstants()

    def segment(
        self, volume: Volume, networks: Mapping[str, Network], region: RegionRequest, steps: Steps
    ) -> Segmentation:
        """Segment one scan; see `System.segment`.

        A region that was found automatically and turns out to cut an organ is grown and segmented again,
        once.

        Raises:
            InputError: when the localization finds no organ, or the given box lies outside the scan.
        """
        frame = LpsFrame.of_grid(volume.grid, self.constants)
        voxels_lps = flipped_view(volume.voxels)
        facts: dict[str, Any] = {"region_mode": region.mode, "grown_faces": [], "reruns": 0}

        if region.mode == "auto":
            region_lps_mm = self._localize(voxels_lps, frame, networks[LOCALIZATION], steps, facts)
        elif region.box_mm is not None:
            given_lps_mm = frame.from_canonical(region.box_mm)
            region_lps_mm = clipped_to_scan(given_lps_mm, frame.shape_zyx, frame.spacing_mm)
        else:
            region_lps_mm = whole_scan(frame.shape_zyx, frame.spacing_mm)

        found = self._segment_region(voxels_lps, frame, region_lps_mm, networks[SEGMENTATION], steps)
        cut = self._cut_faces(found, frame, self.constants.touch_area_mm2)
        moved = self._cut_faces(found, frame, self.constants.second_pass_area_mm2)
        if moved and region.mode == "auto":
            grown = enlarged_region(found.region_lps_mm, found.plan, moved, frame.extent_mm, self.constants)
            facts["grown_faces"] = [face.name for face in moved]
            facts["reruns"] = 1
            found = self._segment_region(voxels_lps, frame, grown, networks[SEGMENTATION], steps)
            cut = self._cut_faces(found, frame, self.constants.touch_area_mm2)

        with steps("restore"):
            labels = _restored(found, frame.shape_zyx)
        facts["segmentation_spacing_mm"] = found.plan.spacing_mm
        facts["segmentation_input_zyx"] = list(found.plan.input_shape_zyx)
        facts["cut_faces"] = [face.name for face in cut]
        return Segmentation(
            labels=labels,
            region_mm=frame.to_canonical(found.plan.box_lps_mm),
            warnings=region_warnings(labels, (face.name for face in cut)),
            facts=facts,
        )

    def _cut_faces(self, found: _Pass, frame: LpsFrame, above_mm2: float) -> tuple[Face, ...]:
        return cutting_faces(found.scores, found.plan, frame.spacing_mm, self.constants, above_mm2)

    def _localize(
        self, voxels_lps: np.ndarray, frame: LpsFrame, network: Network, steps: Steps, facts: dict[str, Any]
    ) -> Box:
        """Find the organ region of a scan, and note how in `facts`."""
        with steps("prepare"):
            plan = plan_localization(frame.shape_zyx, frame.spacing_mm, self.constants)
            prepare_network(network, plan.input_shape_zyx)
            image = localization_input(voxels_lps, plan, self.constants)
        with steps("localize"):
            background, organs = network(image)
            found, voxel_ml = background < organs, plan.spacing_mm**3 / 1000.0
            mask = without_stray_parts(found, self.constants.least_part_ml / voxel_ml)
            region_lps_mm = box_around_mask(mask, plan, self.constants)
        if region_lps_mm is None:
            raise InputError(
                "no organ region was found in the scan",
                seen=f"an empty localization of {plan.input_shape_zyx} voxels at {plan.spacing_mm:g} mm",
                expected="an abdominal CT in Hounsfield units, upright, its orientation in the header",
                remedy="Check the scan's intensities and orientation, or give `--roi full`.",
            )
        facts["localization_spacing_mm"] = plan.spacing_mm
        facts["localization_input_zyx"] = list(plan.input_shape_zyx)
        facts["localization_mask_ml"] = int(np.count_nonzero(mask)) * voxel_ml
        facts["localization_stray_ml"] = int(np.count_nonzero(found & ~mask)) * voxel_ml
        return region_lps_mm

    def _segment_region(
        self, voxels_lps: np.ndarray, frame: LpsFrame, region_lps_mm: Box, network: Network, steps: Steps
    ) -> _Pass:
        """Run the segmentation network on one region."""
        with steps("prepare"):
            plan = plan_segmentation(region_lps_mm, frame.shape_zyx, frame.spacing_mm, self.constants)
            prepare_network(network, plan.input_shape_zyx)
            image = segmentation_input(voxels_lps, frame.spacing_mm, plan, self.constants)
        with steps("segment"):
            scores = network(image)
        return _Pass(region_lps_mm, plan, scores)


def _restored(found: _Pass, shape_zyx: tuple[int, int, int]) -> np.ndarray:
    """The label map of the canonical grid: the crop's labels in their place, background elsewhere."""
    labels = np.zeros(shape_zyx, np.uint8)
    crop = tuple(
        slice(lower, count - upper) for (lower, upper), count in zip(found.plan.cropping, shape_zyx, strict=True)
    )
    (z, _), (y, _), (x, _) = found.plan.padding
    restore_labels(found.scores, found.plan.crop_shape_zyx, out=flipped_view(labels)[crop], origin_zyx=(z, y, x))
    return labels
