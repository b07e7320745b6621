"""Scans that are in memory already: arrays with an affine, and nibabel images."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.arrayproxy import ArrayProxy

from flarecli.errors import InputError, UsageError
from flarecli.volume.geometry_checks import check_affine, check_shape, check_spacing, check_type, reconciled_spacing
from flarecli.volume.hounsfield import hounsfield_zyx
from flarecli.volume.hounsfield_checks import check_hounsfield
from flarecli.volume.nifti_header import repair_header
from flarecli.volume.nifti_position import position_mm
from flarecli.volume.scan import Volume, canonical_grid
from flarecli.volume.source import SourceGeometry, StoredScan

_ARRAY, _IMAGE = Path("array"), Path("nibabel image")
"""What messages call a scan that has no file."""


def volume_of_array(voxels_zyx: np.ndarray, affine_ras: np.ndarray) -> Volume:
    """A scan from an array; the array is copied and checked as a file would be.

    Args:
        voxels_zyx: HU of any integer or floating-point type, shape (z, y, x).
        affine_ras: 4x4 matrix from the index (x, y, z) of a voxel centre to world mm (RAS+), as NIfTI has it. Axes may
            be turned and oblique; label maps come back on the same axes.

    Raises:
        UsageError: when the affine is not a finite 4x4 matrix.
        InputError: when the array cannot be a CT scan of a body in HU.
    """
    affine = np.asarray(affine_ras)
    if affine.shape != (4, 4) or affine.dtype.kind not in "iuf" or not np.isfinite(affine).all():
        raise UsageError(
            "the affine is not a 4x4 matrix of finite numbers",
            seen=f"shape {affine.shape} of {affine.dtype}",
            expected="a matrix from the index (x, y, z) to world mm",
            remedy="Give (voxels_zyx, affine_ras), the affine as nibabel's `image.affine`.",
        )
    stored = np.asarray(voxels_zyx)
    check_type(stored.dtype, _ARRAY)
    x, y, z = check_shape(stored.shape[::-1], _ARRAY)
    source = SourceGeometry.of_affine((x, y, z), affine.astype(np.float64))
    return _volume(StoredScan(stored.reshape(z, y, x).T.copy(order="F"), 1.0, 0.0, source), _ARRAY)


def volume_of_nibabel(image: Any) -> Volume:
    """A scan from a nibabel image.

    Of a NIfTI, Analyze or MGH file the stored values are read without a float64 copy; other formats (MINC, ECAT, AFNI,
    PAR/REC) have scalings of their own, which nibabel applies.

    Args:
        image: Spatial image of three dimensions, further ones of length 1; other formats than NIfTI have an affine
            too, and label maps become NIfTI.

    Raises:
        InputError: when the image cannot be read, or cannot be a CT scan of a body in HU.
    """
    path = Path(image.get_filename() or _IMAGE)
    try:
        stored, slope, intercept = _stored_values(image.dataobj)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(
            "the voxels cannot be read",
            path=path,
            seen=f"{type(error).__name__}: {error}",
            expected="a file that nibabel reads",
            remedy="Check that the file is still there, whole and undamaged.",
        ) from error
    check_type(stored.dtype, path)
    shape_ijk = check_shape(stored.shape, path)
    affine = np.asarray(image.affine, np.float64)
    if image.affine is None or not np.isfinite(affine).all():
        raise InputError(
            "the image has no affine", path=path, expected="a 4x4 matrix", remedy="Give (voxels_zyx, affine_ras)."
        )
    source, warnings = _source_of(image, affine, shape_ijk, path)
    return _volume(StoredScan(stored.reshape(shape_ijk, order="F"), slope, intercept, source, warnings), path)


def _stored_values(values: Any) -> tuple[np.ndarray, float, float]:
    """Values with their slope and intercept.

    Values that belong to the caller stay as they are: what comes back may be changed. Only nibabel's own proxy is known
    to be scaled by slope and intercept; formats with another scaling, such as one of each volume, derive from it or
    have a proxy of their own, with or without unscaled values.
    """
    if type(values) is ArrayProxy:
        return np.array(values.get_unscaled(), order="F"), float(values.slope), float(values.inter)
    return np.array(np.asarray(values), order="F"), 1.0, 0.0


def _source_of(
    image: Any, affine: np.ndarray, shape_ijk: tuple[int, int, int], path: Path
) -> tuple[SourceGeometry, tuple[str, ...]]:
    """Geometry of an image, and warnings about its header, both as of the file that it would be saved to."""
    if not isinstance(image.header, nibabel.Nifti1Header):
        return SourceGeometry.of_affine(shape_ijk, affine), ()
    header = _nifti_header(image.header, affine, shape_ijk)
    warnings = repair_header(header, path)
    affine_ras, (i, j, k), unit_warnings = position_mm(header)
    spacing, spacing_warnings = reconciled_spacing((i, j, k), affine_ras)
    source = SourceGeometry.of_nifti(header, affine_ras, shape_ijk, spacing)
    return source, (*warnings, *unit_warnings, *spacing_warnings)


def _nifti_header(
    own: nibabel.Nifti1Header, affine: np.ndarray, shape_ijk: tuple[int, int, int]
) -> nibabel.Nifti1Header:
    """A copy of an image's header, of a pair that of a single file; where the affine is another, with that."""
    kind = nibabel.Nifti2Header if isinstance(own, nibabel.Nifti2Header) else nibabel.Nifti1Header
    header = kind(own.binaryblock, endianness=own.endianness, check=False)
    header.set_data_shape(shape_ijk)
    if not np.allclose(affine, header.get_best_affine()):  # as nibabel does it when it saves the image
        header.set_sform(affine, code="aligned")
        header.set_qform(affine, code="unknown")
    return header


def _volume(scan: StoredScan, path: Path) -> Volume:
    source = scan.source
    warnings = check_affine(source.affine_ras, path)
    check_spacing(source.spacing_ijk_mm, source.shape_ijk, path)
    voxels, value_warnings = hounsfield_zyx(scan, path)
    return Volume(
        voxels,
        canonical_grid(source),
        source,
        path,
        (*scan.warnings, *warnings, *value_warnings, *check_hounsfield(voxels, path)),
    )
