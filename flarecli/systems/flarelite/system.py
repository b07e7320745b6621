"""flarelite from a scan to its label map: organs in the body at 3 mm, their region again at 2 mm, labels restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from flarecli.engine.precision_choice import INT8_BY_DEFAULT
from flarecli.errors import InputError
from flarecli.geometry import Grid, Window, box_of_window, cut_faces, whole_window, window_of_box
from flarecli.measures.calibration import CALIBRATIONS
from flarecli.measures.signals import organ_signals
from flarecli.resample import restore_labels
from flarecli.steps import Steps
from flarecli.systems.base import Network, NetworkSpec, RegionRequest, Segmentation, System, prepare_network
from flarecli.systems.description import NetworkFigures
from flarecli.systems.flarelite.body import body_window
from flarecli.systems.flarelite.constants import FlareliteConstants
from flarecli.systems.flarelite.inputs import image_input
from flarecli.systems.flarelite.network_grid import NetworkGrid, network_grid
from flarecli.systems.flarelite.organ_filter import filter_organs
from flarecli.systems.flarelite.probabilities import average_with, without_fat
from flarecli.systems.flarelite.regions import region_probabilities, window_around_labels
from flarecli.systems.region_warnings import region_warnings

if TYPE_CHECKING:
    from flarecli.volume import Volume

LOCATE = "locate"
REFINE = "refine"


def _build_locate() -> Any:
    from flarecli_models.flarelite import locate_unet

    return locate_unet()


def _build_refine() -> Any:
    from flarecli_models.flarelite import refine_unet

    return refine_unet()


def _build_locate_for_training() -> Any:
    from flarecli_models.flarelite import locate_unet

    return locate_unet(logits=True)


def _build_refine_for_training() -> Any:
    from flarecli_models.flarelite import refine_unet

    return refine_unet(logits=True)


class Flarelite(System):
    """Two stages: a U-Net finds the organs in the whole scan, a second one draws their borders.

    Args:
        constants: Resolutions, intensities and filters; those of the bundled weights by default.
    """

    name: ClassVar[str] = "flarelite"
    title: ClassVar[str] = "flarelite: organs at 3 mm in the whole body, their borders at 2 mm"
    paper: ClassVar[str] = "none; flare's own design, see docs/flarelite.md"
    networks: tuple[NetworkSpec, ...] = (
        NetworkSpec(
            LOCATE,
            _build_locate,
            figures=NetworkFigures(1_191_820, (128, 96, 128), 65_314_750_464, size_varies=True),
            build_for_training=_build_locate_for_training,
            int8=INT8_BY_DEFAULT,
            multiple=FlareliteConstants().locate_multiple,
        ),
        NetworkSpec(
            REFINE,
            _build_refine,
            figures=NetworkFigures(685_708, (104, 104, 128), 59_276_525_568, size_varies=True),
            build_for_training=_build_refine_for_training,
            int8=INT8_BY_DEFAULT,
            multiple=FlareliteConstants().refine_multiple,
        ),
    )

    def __init__(self, constants: FlareliteConstants | None = None) -> None:
        self.constants = constants or FlareliteConstants()

    def segment(
        self, volume: Volume, networks: Mapping[str, Network], region: RegionRequest, steps: Steps
    ) -> Segmentation:
        """Segment one scan; see `System.segment`.

        The input of the first stage is the whole body, whatever the region: it needs the organs' surroundings.

        Raises:
            InputError: when the first stage finds no organ and no region is given, or the box lies outside the scan.
        """
        grid, constants = volume.grid, self.constants
        with steps("prepare"):
            body = body_window(volume.voxels, grid, constants)
            located = network_grid(body, grid, constants.locate_spacing, constants.locate_multiple)
            prepare_network(networks[LOCATE], located.padded_zyx)
            image = image_input(volume.voxels, located, constants)
        with steps("locate"):
            coarse = networks[LOCATE](image)
            window = self._window(coarse, located, volume, region)
        with steps("prepare"):
            refined = network_grid(window, grid, constants.refine_spacing, constants.refine_multiple)
            prepare_network(networks[REFINE], (len(coarse), *refined.padded_zyx))
            inputs = np.concatenate(
                [
                    image_input(volume.voxels, refined, constants)[None],
                    region_probabilities(coarse, located, refined),
                ]
            )
            del coarse
        with steps("refine"):
            probabilities = networks[REFINE](inputs)[(slice(None), *refined.inside)]
            seen = inputs[(slice(None), *refined.inside)]
            average_with(probabilities, seen[1:], constants.refine_share)
            without_fat(probabilities, seen[0] * constants.scale_hu, constants)
        with steps("restore"):
            found = filter_organs(probabilities, refined.voxel_mm3, constants)
            labels = np.zeros(grid.shape_zyx, np.uint8)
            restore_labels(probabilities, labels[window].shape, out=labels[window])
        with steps("assess"):
            # Every second voxel along each axis gives the same signals, in an eighth of the time.
            signals = organ_signals(
                probabilities[:, ::2, ::2, ::2],
                found[::2, ::2, ::2],
                8 * refined.voxel_mm3 / 1000,
                z_mm=_slice_centres_mm(window, grid, found.shape[0])[::2],
            )
        cut = cut_faces(labels[window], window, grid, constants.touch_area_mm2)
        facts: dict[str, Any] = {
            "region_mode": region.mode,
            **_seen(LOCATE, located),
            **_seen(REFINE, refined),
            "cut_faces": list(cut),
        }
        region_mm, warnings = box_of_window(window, grid), region_warnings(labels, cut)
        return Segmentation(labels, region_mm, warnings, facts, signals, CALIBRATIONS)

    def _window(self, coarse: np.ndarray, located: NetworkGrid, volume: Volume, region: RegionRequest) -> Window:
        """The window of the second stage."""
        grid, constants = volume.grid, self.constants
        if region.box_mm is not None:
            return window_of_box(region.box_mm, grid)
        if region.mode == "full":
            return whole_window(grid)
        organs = filter_organs(coarse[(slice(None), *located.inside)].copy(), located.voxel_mm3, constants)
        window = window_around_labels(organs, located, grid, constants.region_margin_mm)
        if window is None:
            raise InputError(
                "no organ was found in the scan",
                path=volume.path,
                seen=f"no organ above {constants.component_minimum_mm3:g} mm³ among {located.shape_zyx} voxels",
                expected="an abdominal CT in Hounsfield units, upright, its orientation in the header",
                remedy="Check the scan's intensities and orientation, or give `--roi full`.",
            )
        return window


def _slice_centres_mm(window: Window, grid: Grid, slices: int) -> list[float]:
    """Centres of slices that divide a window equally, in mm from the outer face of the grid's lowest slice."""
    box = box_of_window(window, grid)
    step_mm = (box.end_mm[0] - box.start_mm[0]) / slices
    return [box.start_mm[0] + (place + 0.5) * step_mm for place in range(slices)]


def _seen(network: str, grid: NetworkGrid) -> dict[str, Any]:
    """The input grid of a network, for the record."""
    return {
        f"{network}_input_zyx": list(grid.padded_zyx),
        f"{network}_spacing_mm": [round(step, 3) for step in grid.spacing_mm],
        f"{network}_window_zyx": [[part.start, part.stop] for part in grid.window],
    }
