"""Scans as the rest of the software sees them, and label maps written back onto them.

The one place where a file's storage, orientation and scaling end: beyond it a scan is int16 HU in canonical
RAS+ order (z, y, x), and before it a label map gets the file's own geometry again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from flarecli.dicom import Series, find_series, find_series_of_file, is_dicom_file
from flarecli.dicom.collection.detection import is_collection
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.errors import InputError, UsageError
from flarecli.files.names import image_suffix
from flarecli.files.sources import check_regular_file, is_folder
from flarecli.geometry import Grid
from flarecli.volume.geometry_checks import (
    check_affine,
    check_shape,
    check_spacing,
    check_type,
    reconciled_spacing,
)
from flarecli.volume.hounsfield import hounsfield_zyx
from flarecli.volume.hounsfield_checks import check_hounsfield
from flarecli.volume.image import ImageHeader
from flarecli.volume.image_files import read_header, read_image
from flarecli.volume.metaimage import write_metaimage
from flarecli.volume.nifti import write_nifti
from flarecli.volume.nrrd import write_nrrd
from flarecli.volume.orientation import Orientation
from flarecli.volume.source import DicomSource, SourceGeometry, StoredScan
from flarecli.volume.world_axes import edges_mm

WRITABLE_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
"""Endings of label maps: formats of one file; `.nhdr` and `.mhd` come in two, which cannot appear at once."""

_TEXT_HEADER_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")


@dataclass(frozen=True)
class Volume:
    """A CT scan.

    Attributes:
        voxels: int16 HU, shape (z, y, x), C-contiguous, canonical RAS+.
        grid: Where the voxels lie.
        source: The file's own geometry, for writing label maps.
        path: The file or folder that was read.
        warnings: Anomalies of the scan, as sentences for the user.
    """

    voxels: np.ndarray
    grid: Grid
    source: SourceGeometry
    path: Path
    warnings: tuple[str, ...] = ()


def read_volume(path: Path | SeriesFiles) -> Volume:
    """Read a CT scan: NIfTI, NRRD, MetaImage or multi-frame DICOM file, a folder with a DICOM series, a folder with
    folders, zip archive or DICOMDIR with a single series, or one series of several.

    Memory: the stored values; beside them the int16 result where the values are not int16 already or axes are
    permuted.

    Raises:
        InputError: when the file cannot be read, or cannot be a CT scan of a body in HU, and when there are several
            series.
        InstallationError: when a DICOM series needs a package that is not installed.
    """
    if isinstance(path, SeriesFiles) or is_collection(Path(path)):
        return _headers_of_collection(path if isinstance(path, SeriesFiles) else Path(path)).read()
    return _volume_of(_stored_scan(Path(path)), Path(path))


def write_labels(path: Path, labels: np.ndarray, volume: Volume) -> None:
    """Write a label map that lies exactly on the scan's file: its shape, axes and position fields.

    NIfTI carries over affine, qform, sform, their codes, pixdim and units of a NIfTI scan; axes of length 1
    beyond the third are dropped. The file appears whole or not at all; equal labels give equal bytes.

    Args:
        path: Ends in `.nii.gz`, `.nii`, `.nrrd` or `.mha`.
        labels: uint8 array on the scan's canonical grid, shape (z, y, x).
        volume: The scan.

    Raises:
        UsageError: when the labels do not fit the scan, or the name has another ending.
        OutputError: when the file cannot be written.
    """
    if labels.shape != volume.grid.shape_zyx or labels.dtype != np.uint8:
        raise UsageError(
            "the labels do not fit the scan",
            path=path,
            seen=f"shape {labels.shape} of {labels.dtype}",
            expected=f"shape {volume.grid.shape_zyx} of uint8, axes z, y, x",
            remedy="Write labels on the canonical grid of the volume that they belong to.",
        )
    check_label_map_name(path)
    stored_ijk = volume.source.orientation.stored_view(labels)
    suffix = image_suffix(path)
    if suffix == ".nrrd":
        write_nrrd(path, stored_ijk, volume.source.affine_ras)
    elif suffix == ".mha":
        write_metaimage(path, stored_ijk, volume.source.affine_ras)
    else:
        write_nifti(path, volume.source.nifti_header, stored_ijk)


@dataclass(frozen=True)
class SeriesHeaders:
    """A DICOM series whose headers were read and checked; its voxels are read on demand.

    Attributes:
        source: Its geometry.
        path: The folder, file or archive.
    """

    source: SourceGeometry
    path: Path
    _series: Series = field(repr=False)
    _warnings: tuple[str, ...] = field(repr=False)

    def read(self) -> Volume:
        """Read the voxels; the headers are not read again.

        Raises:
            InputError: when a slice cannot be read, or the values cannot be those of a CT scan of a body in HU.
            InstallationError: when a package for compressed pixels is not installed.
        """
        return _volume_of(self.stored(), self.path)

    def stored(self) -> StoredScan:
        """Read the voxels as they are stored, in HU; see `read`."""
        voxels, warnings = self._series.read()
        return StoredScan(voxels.T, 1.0, 0.0, self.source, (*self._series.warnings, *self._warnings, *warnings))


def read_series_headers(path: Path) -> SeriesHeaders:
    """Read and check the headers of a DICOM series.

    Args:
        path: Folder of slices, multi-frame file, or a folder, archive or DICOMDIR with one CT series.

    Raises:
        InputError: when it is not a DICOM series, or as `read_volume` raises it of the headers.
        InstallationError: when pydicom is not installed.
    """
    if is_collection(path):
        return _headers_of_collection(path)
    if is_folder(path):
        return _headers_of(find_series(path), path)
    check_regular_file(path)
    if not is_dicom_file(path):
        raise InputError(
            "is not a DICOM series",
            path=path,
            expected="a folder with the slices of one series, or a multi-frame file",
            remedy="Give the series that the scan was converted from.",
        )
    return _headers_of(find_series_of_file(path), path)


def check_label_map_name(path: Path) -> None:
    """Refuse a name that `write_labels` cannot write to, before anything is computed.

    Raises:
        UsageError: when the name's ending is of no format that label maps are written in.
    """
    if image_suffix(path) not in WRITABLE_SUFFIXES:
        raise UsageError(
            "is not a format that label maps are written in",
            path=path,
            expected=f"a name ending in {', '.join(WRITABLE_SUFFIXES[:-1])} or {WRITABLE_SUFFIXES[-1]}",
            remedy="Choose such a name.",
        )


def write_scan(path: Path, voxels_zyx: np.ndarray, affine_ras: np.ndarray, *, replaces: bool = True) -> None:
    """Write an array as NIfTI in canonical orientation; sform and qform both give the affine.

    Args:
        path: Ends in `.nii.gz` or `.nii`.
        voxels_zyx: int16 HU or uint8 labels, shape (z, y, x).
        affine_ras: 4x4 matrix from the index (x, y, z) to world mm.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        UsageError: when the name has another ending.
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    z, y, x = voxels_zyx.shape
    source = SourceGeometry.of_affine((x, y, z), affine_ras)
    write_nifti(path, source.nifti_header, voxels_zyx.transpose(2, 1, 0), replaces=replaces)


def canonical_grid(source: SourceGeometry) -> Grid:
    """The grid of a scan after its axes have been brought into canonical RAS+ order."""
    orientation = source.orientation
    i, j, k = source.shape_ijk
    z, y, x = (source.shape_ijk[axis] for axis in reversed(orientation.stored_axes))
    return Grid(
        shape_zyx=(z, y, x),
        spacing_mm=orientation.canonical_zyx(source.spacing_ijk_mm),
        affine_ras=orientation.canonical_affine(source.affine_ras, (i, j, k)),
    )


def _stored_scan(path: Path) -> StoredScan:
    if is_folder(path):
        return _headers_of(find_series(path), path).stored()
    check_regular_file(path)
    if image_suffix(path) not in _TEXT_HEADER_SUFFIXES and is_dicom_file(path):
        return _headers_of(find_series_of_file(path), path).stored()
    return _scan_of_file(path)


def _volume_of(scan: StoredScan, path: Path) -> Volume:
    """A scan in HU and canonical order, its values checked."""
    voxels, value_warnings = hounsfield_zyx(scan, path)
    hounsfield_warnings = check_hounsfield(voxels, path)
    warnings = (*scan.warnings, *value_warnings, *hounsfield_warnings)
    return Volume(voxels, canonical_grid(scan.source), scan.source, path, warnings)


def _headers_of_collection(path: Path | SeriesFiles) -> SeriesHeaders:
    """The headers of one series of a collection, or of its only one."""
    from flarecli.dicom.collection.choice import only_scan
    from flarecli.dicom.collection.series_reading import find_series_of

    series = path if isinstance(path, SeriesFiles) else only_scan(path)
    return _headers_of(find_series_of(series), series.place)


def _headers_of(series: Series, path: Path) -> SeriesHeaders:
    """The headers of a series, its geometry checked."""
    shape_ijk = check_shape(series.shape_ijk, series.path)
    affine_warnings = check_affine(series.affine_ras, series.path)
    check_spacing(edges_mm(series.affine_ras), shape_ijk, series.path)
    slices = series.stack.slices
    origin = DicomSource(
        tuple(each.header.path for each in slices),
        tuple(each.frame for each in slices),
        series.tilt is not None,
        series.unpacked,
    )
    source = replace(SourceGeometry.of_affine(shape_ijk, series.affine_ras), dicom=origin)
    return SeriesHeaders(source, path, series, affine_warnings)


def _scan_of_file(path: Path) -> StoredScan:
    """A scan whose header has been found right before its voxels were read."""
    header = read_header(path)
    check_type(header.dtype, path)
    shape_ijk = check_shape(header.shape, path)
    affine_warnings = check_affine(header.affine_ras, path)
    spacing_ijk_mm, spacing_warnings = reconciled_spacing(header.spacing_ijk_mm, header.affine_ras)
    check_spacing(spacing_ijk_mm, shape_ijk, path)
    image = read_image(header, beside_bytes=0 if _is_plain_hounsfield(header) else 2 * math.prod(shape_ijk))
    return StoredScan(
        image.stored.reshape(shape_ijk, order="F"),
        header.slope,
        header.intercept,
        SourceGeometry.of_header(header, shape_ijk, spacing_ijk_mm),
        (*image.warnings, *affine_warnings, *spacing_warnings),
    )


def _is_plain_hounsfield(header: ImageHeader) -> bool:
    """Whether the stored values are the result already."""
    keeps_order = Orientation.of_affine(header.affine_ras).keeps_order
    return header.dtype.newbyteorder("=") == np.int16 and not header.is_scaled and keeps_order
