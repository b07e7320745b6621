"""The VGG-13 U-Net from a scan to its label map: slice by slice, then the largest parts of each organ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from flarecli.geometry import box_of_window, whole_window, window_of_box
from flarecli.resample import class_map
from flarecli.steps import Steps
from flarecli.systems.base import Network, NetworkSpec, RegionRequest, Segmentation, System
from flarecli.systems.description import NetworkFigures, Publication
from flarecli.systems.vgg13.constants import Vgg13Constants
from flarecli.systems.vgg13.inputs import grey_slice, network_batch
from flarecli.systems.vgg13.restoring import keep_largest_components, restored_labels

if TYPE_CHECKING:
    from flarecli.volume import Volume

SEGMENTATION = "segmentation"


_SHARE_OF_NEAREST_LABELS = 0.5


def _build_segmentation(
    shape_yx: tuple[int, int] = (Vgg13Constants.slice_size,) * 2, base_filters: int = Vgg13Constants.base_filters
) -> Any:
    from flarecli_models.vgg13_unet import vgg13_unet

    return vgg13_unet(shape_yx, base_filters)


def _build_for_training(
    shape_yx: tuple[int, int] = (Vgg13Constants.slice_size,) * 2, base_filters: int = Vgg13Constants.base_filters
) -> Any:
    from flarecli_models.vgg13_unet import vgg13_unet

    return vgg13_unet(shape_yx, base_filters, deep_supervision=True)


class Vgg13(System):
    """One stage: a 2-D U-Net labels every axial slice by itself.

    Beside the scan, only grey levels and classes of its slices are held, one byte a voxel each; scores exist for
    one batch of slices at a time.

    To segment as the submitted program did, with each slice's own statistics in the normalisation, give `segment`
    a network of `vgg13_unet(batch_statistics=True)` with the same weights.

    Args:
        constants: Sizes, thresholds and memory; the published ones by default.
    """

    name: ClassVar[str] = "vgg13"
    title: ClassVar[str] = "VGG-13 U-Net with deep supervision, slice by slice at 512 x 512"
    paper: ClassVar[str] = "IMT-Atlantique, FLARE 2021 (code: P.-H. Conze)"
    networks: tuple[NetworkSpec, ...] = (
        NetworkSpec(
            SEGMENTATION,
            _build_segmentation,
            figures=NetworkFigures(20_732_997, (512, 512), 196_863_852_544),
            published_file="weights/epoch.pth",
            build_for_training=_build_for_training,
        ),
    )
    publication: ClassVar[Publication | None] = Publication(
        repository="https://github.com/conze/Flare21IMTAtlantique",
        licence="MIT",
        how_to_import="The author's repository holds no weights; import those that the program there has saved",
    )

    def __init__(self, constants: Vgg13Constants | None = None) -> None:
        self.constants = constants or Vgg13Constants()
        (segmentation,) = type(self).networks
        segmentation = segmentation.at_shape((self.constants.slice_size,) * 2)
        if self.constants.base_filters != Vgg13Constants.base_filters:
            segmentation = segmentation.at_base_filters(self.constants.base_filters)
        self.networks = (segmentation,)

    def at_input_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> Vgg13:
        """See `System.at_input_shapes`; slices are square."""
        rows, columns = shapes.get(SEGMENTATION, (self.constants.slice_size,) * 2)
        if rows != columns:
            raise ValueError("slices are square")
        if rows == self.constants.slice_size:
            return self
        return Vgg13(replace(self.constants, slice_size=rows, restoring_share=_SHARE_OF_NEAREST_LABELS))

    def at_base_filters(self, base_filters: Mapping[str, int]) -> Vgg13:
        """See `System.at_base_filters`."""
        return Vgg13(replace(self.constants, base_filters=base_filters.get(SEGMENTATION, self.constants.base_filters)))

    def segment(
        self, volume: Volume, networks: Mapping[str, Network], region: RegionRequest, steps: Steps
    ) -> Segmentation:
        """Segment one scan; see `System.segment`.

        "auto" and "full" both mean the whole scan. A given box limits the slices that are computed, each of them
        whole, as in training; labels outside the box are dropped before the largest parts are chosen.

        Raises:
            InputError: when the given box lies outside the scan.
        """
        grid = volume.grid
        window = whole_window(grid) if region.box_mm is None else window_of_box(region.box_mm, grid)
        z, y, x = window
        with steps("prepare"):
            grey = np.stack([grey_slice(plane, self.constants) for plane in volume.voxels[z]])
        with steps("segment"):
            classes = self._classes(grey, networks[SEGMENTATION])
        del grey
        with steps("restore"):
            labels = np.zeros(grid.shape_zyx, np.uint8)
            for plane, plane_classes in zip(labels[z], classes, strict=True):
                plane[y, x] = restored_labels(plane_classes, plane.shape, self.constants)[y, x]
        with steps("clean"):
            removed = keep_largest_components(labels[window], self.constants)
        return Segmentation(
            labels=labels,
            region_mm=box_of_window(window, grid),
            warnings=_warnings(labels),
            facts={
                "region_mode": region.mode,
                "slices": [z.start, z.stop],
                "slice_size_yx": [self.constants.slice_size] * 2,
                "slices_resized": labels.shape[1:] != classes.shape[1:],
                "batch_slices": min(self.constants.batch_slices, len(classes)),
                "removed_voxels": removed,
            },
        )

    def _classes(self, grey: np.ndarray, network: Network) -> np.ndarray:
        """The most likely class of every pixel; uint8 array of shape (slices, rows, columns)."""
        classes = np.empty_like(grey)
        for part in _batches(len(grey), self.constants.batch_slices):
            scores = network(network_batch(grey[part], self.constants))
            classes[part] = class_map(np.moveaxis(scores, 1, 0))
        return classes


def _batches(count: int, size: int) -> Iterator[slice]:
    """Ranges of `size` that cover 0 to `count`.

    The last one overlaps the one before where it must: a network may have to be compiled again for another size,
    which takes longer than computing a slice twice.
    """
    for start in range(0, count, size):
        first = max(0, min(start, count - size))
        yield slice(first, min(first + size, count))


def _warnings(labels: np.ndarray) -> tuple[str, ...]:
    """Warnings about a result."""
    if labels.any():
        return ()
    return (
        "No organ was found in the segmented slices: the label map is empty. "
        "Check that the scan is an upright abdominal CT in Hounsfield units.",
    )
