"""One pair read from its files: the scan, and FLARE labels on its grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flarecli.datasets.organ_values import OrganValues
from flarecli.datasets.pairs import LabelledPair
from flarecli.dicom.several import remedied
from flarecli.errors import InputError
from flarecli.geometry import greatest_distance_mm
from flarecli.metrics.label_map import Fractions, LabelMap, canonical_shape_zyx, read_label_header, read_label_map
from flarecli.volume import Volume, read_volume
from flarecli.volume.image import ImageHeader

GEOMETRY_TOLERANCE_MM = 0.1
"""How far apart the same voxel may lie in scan and label map: float32 headers differ by less, wrong ones by more."""


@dataclass(frozen=True)
class LabelledScan:
    """A scan with its labels.

    Attributes:
        volume: The scan.
        labels: uint8 array on its canonical grid, shape (z, y, x): FLARE labels.
    """

    volume: Volume
    labels: NDArray[np.uint8]


def read_scan(path: Path) -> Volume:
    """Read the scan of a pair.

    Raises:
        InputError: when it cannot be used, or there are several series.
    """
    with remedied("List the folder with the slices of that series alone, or an archive that holds no other."):
        return read_volume(path)


def read_labelled_scan(pair: LabelledPair, values: OrganValues, *, ignore_geometry: bool = False) -> LabelledScan:
    """Read a pair whose files were checked before.

    Raises:
        InputError: when a file cannot be used, or the two do not fit together.
    """
    if pair.scan is None or pair.labels is None:
        raise missing_file(pair)
    volume = read_scan(pair.scan)
    header = read_label_header(pair.labels)
    if (misfit := shape_error(volume, header, pair)) is not None:
        raise misfit
    label_map = read_label_map(header, fractions=Fractions.UNLABELLED)
    for error in geometry_errors(volume, label_map, pair, ignore_geometry=ignore_geometry):
        raise error
    return LabelledScan(volume, values.translated(label_map.labels))


def missing_file(pair: LabelledPair) -> InputError:
    """The error of a pair that lacks one of its files."""
    kind, other = ("scan", pair.labels) if pair.scan is None else ("label map", pair.scan)
    return InputError(
        f"has no {kind}",
        path=other,
        expected=f"a {kind} of the same name" if other is not None else None,
        remedy="Add the missing file, or take the other one away.",
    )


def shape_error(volume: Volume, header: ImageHeader, pair: LabelledPair) -> InputError | None:
    """The error of a label map whose shape differs from its scan's, found before its voxels are decompressed.

    Raises:
        InputError: when the label map's affine gives no orientation.
    """
    shape_zyx = canonical_shape_zyx(header)
    if shape_zyx == volume.grid.shape_zyx:
        return None
    return InputError(
        "scan and label map differ in shape",
        path=pair.labels,
        seen=f"{shape_zyx} (z, y, x)",
        expected=f"{volume.grid.shape_zyx}, as the scan has",
        remedy="Resample the labels onto the grid of the scan, or find the scan that they belong to.",
    )


def geometry_errors(
    volume: Volume, label_map: LabelMap, pair: LabelledPair, *, ignore_geometry: bool
) -> list[InputError]:
    """What keeps a label map of its scan's shape from lying on it: another place in the world.

    Args:
        volume: The scan.
        label_map: The label map, in canonical orientation as well.
        pair: Their files, for messages.
        ignore_geometry: Compare shapes alone.
    """
    apart_mm = greatest_distance_mm(volume.grid.affine_ras, label_map.affine_ras, volume.grid.shape_zyx)
    if ignore_geometry or apart_mm <= GEOMETRY_TOLERANCE_MM:
        return []
    return [
        InputError(
            "scan and label map lie at different places in the world",
            path=pair.labels,
            seen=f"the same voxel up to {apart_mm:.4g} mm apart",
            expected=f"at most {GEOMETRY_TOLERANCE_MM:g} mm",
            remedy="Give the label map its scan's geometry, or pass --ignore-geometry to pair voxels by index.",
        )
    ]
