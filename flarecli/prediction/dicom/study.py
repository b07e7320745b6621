"""The DICOM series that the results of a scan belong to: the scan itself, or one that it was converted from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flarecli.dicom.several import remedied
from flarecli.errors import FlareError, InputError
from flarecli.remarks import Remark
from flarecli.volume import SeriesHeaders, SourceGeometry, Volume, canonical_grid, read_series_headers

if TYPE_CHECKING:
    from flarecli.dicom.results.origin import Origin
    from flarecli.dicom.results.segmented_series import SegmentedSeries
    from flarecli.dicom.results.sources import SourceSeries

_TOLERANCE = 0.1  # of the smallest edge of a voxel: how far a corner of the scan may lie from that of the series

_EVERY = 3  # voxels along each axis: one in 27 is compared
_COMPARED_HU = (-1000, 2000)  # filling outside the circle and metal are converted in several ways
_EQUAL_HU = 5  # rounding and a rescale in fractions
_UNEQUAL_SHARE = 0.02
_NOT_COMPARED = "the voxels of the reference cannot be compared"


@dataclass(frozen=True)
class DicomStudy:
    """A series, checked: results can refer to it.

    Attributes:
        geometry: Geometry of its slices.
        series: Its headers, which results refer to and copy.
        is_reference: Whether the scan is not this series itself, but was converted from it.
        warnings: Doubts about it, as sentences.
    """

    geometry: SourceGeometry
    series: SourceSeries
    is_reference: bool
    warnings: tuple[str, ...] = ()

    def segmented(self, labels_zyx: np.ndarray, origin: Origin, *, are_kidneys_fused: bool) -> SegmentedSeries:
        """A label map of the scan on the slices of the series.

        Args:
            labels_zyx: uint8, canonical, with one label per kidney.
            origin: How it was made.
            are_kidneys_fused: Whether the kidneys are connected, and were separated at the spine.
        """
        from flarecli.dicom.results.segmented_series import SegmentedSeries

        source = self.geometry.dicom
        assert source is not None  # of a series
        return SegmentedSeries(
            np.ascontiguousarray(self.geometry.orientation.stored_view(labels_zyx).T),
            self.geometry.affine_ras,
            self.series,
            origin,
            source.is_resampled,
            are_kidneys_fused,
        )


def study_of(volume: Volume, reference: Path | None = None, *, anonymous: bool = False) -> DicomStudy:
    """The series that results of a scan belong to.

    Args:
        volume: The scan.
        reference: The series that it was converted from; None where it is DICOM itself.
        anonymous: Whether results are to name neither patient nor study.

    Raises:
        InputError: when there is none, the scan does not lie where the reference lies, or the series lacks what a
            result must refer to.
    """
    with remedied("Name the folder with the slices of that series alone, or an archive that holds no other."):
        headers = None if reference is None else read_series_headers(reference)
    geometry = volume.source if headers is None else headers.source
    if geometry.dicom is None:
        raise InputError(
            "is not DICOM, so its result cannot belong to a study",
            path=volume.path,
            expected="a DICOM series, or the one that the scan was converted from",
            remedy="Give the series itself, name it as the reference, or leave out the DICOM objects.",
        )
    warnings: tuple[str, ...] = ()
    if headers is not None:
        _check_match(volume, headers)
        warnings = _value_warnings(volume, headers)
    from flarecli.dicom.results.sources import source_series

    series = source_series(geometry.dicom.files, geometry.dicom.frames, anonymous=anonymous)
    return DicomStudy(geometry, series, headers is not None, (*warnings, *series.identity.warnings))


def _check_match(volume: Volume, reference: SeriesHeaders) -> None:
    """Refuse a reference whose voxels are not those of the scan, whatever the order of their axes."""
    scan, series = volume.grid, canonical_grid(reference.source)
    if scan.shape_zyx != series.shape_zyx:
        difference = f"{_shape(scan.shape_zyx)} and {_shape(series.shape_zyx)} voxels"
    else:
        z, y, x = scan.shape_zyx
        corners = np.array([(i, j, k, 1) for i in (0, x - 1) for j in (0, y - 1) for k in (0, z - 1)])
        apart_mm = np.linalg.norm((corners @ (scan.affine_ras - series.affine_ras).T)[:, :3], axis=1).max()
        if apart_mm <= _TOLERANCE * min(series.spacing_mm):
            return
        difference = f"corners that lie up to {apart_mm:.2f} mm apart"
    raise InputError(
        "the scan does not lie where the reference lies",
        path=reference.path,
        seen=f"{difference} (scan: {volume.path.name})",
        expected="the series that the scan was converted from: the same voxels in the same places, within "
        f"{_TOLERANCE * min(series.spacing_mm):.2f} mm",
        remedy="Name that series, or segment the series itself.",
    )


def _value_warnings(volume: Volume, reference: SeriesHeaders) -> tuple[str, ...]:
    """A warning where the voxels of the scan are not those of the reference, as those of another phase or patient."""
    try:
        series = reference.read()
    except FlareError as error:
        return (Remark(f"the voxels of the reference cannot be compared: {error}", _NOT_COMPARED),)
    sample = (slice(None, None, _EVERY),) * 3
    found = [np.clip(read.voxels[sample].astype(np.int32), *_COMPARED_HU) for read in (volume, series)]
    share = float(np.mean(np.abs(found[0] - found[1]) > _EQUAL_HU))
    if share <= _UNEQUAL_SHARE:
        return ()
    return (
        f"{100 * share:.0f} % of the scan's voxels differ by more than {_EQUAL_HU} HU from those of the reference: "
        "make sure that it was converted from this series, to whose patient its results are filed",
    )


def _shape(shape_zyx: tuple[int, int, int]) -> str:
    return " × ".join(map(str, reversed(shape_zyx)))
