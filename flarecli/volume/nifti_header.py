"""NIfTI headers: told from other files, repaired where the meaning is plain, else refused."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import BinaryIO

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

from flarecli.errors import InputError

_NIFTI1_BYTES, _NIFTI2_BYTES = 348, 540  # sizes of the headers, NIfTI-1.1 and NIfTI-2 standards

_DAMAGED_HEADER_REMEDY = "The header is damaged: export the image again from its original."

_SILENT = logging.getLogger("flarecli.volume.nifti_header.repairs")  # nibabel's own logger prints
_SILENT.disabled = True


def parse_header(stream: BinaryIO, path: Path) -> tuple[nibabel.Nifti1Header, bool]:
    """Read the header at the start of a stream, and tell whether the voxels follow in the same file.

    Header extensions are not read. `path` serves the messages.

    Raises:
        InputError: when this is no NIfTI header, or one that contradicts itself.
    """
    block = stream.read(_NIFTI1_BYTES)
    if block[4:8] in (b"n+2\0", b"ni2\0"):
        block += stream.read(_NIFTI2_BYTES - _NIFTI1_BYTES)
        kind, size, magic = nibabel.Nifti2Header, _NIFTI2_BYTES, block[4:7]
    else:
        kind, size, magic = nibabel.Nifti1Header, _NIFTI1_BYTES, block[344:347]
    if len(block) < size or magic not in (b"n+1", b"ni1", b"n+2", b"ni2"):
        raise InputError(
            "is not a NIfTI file",
            path=path,
            seen=f"first bytes {block[:16]!r}",
            expected="a NIfTI-1 or NIfTI-2 header",
            remedy="Convert the image to NIfTI (.nii.gz), for example with dcm2niix.",
        )
    try:
        with np.errstate(all="ignore"):  # damaged floats are found by the checks
            header = kind(block, check=False)
            _check_spacing(header, path)
            header.check_fix(logger=_SILENT, error_level=logging.ERROR)
            int(header["vox_offset"])  # refuses one that is not a number
            _check_shape(header, path)
            _check_position(header, path)
    except (HeaderDataError, ValueError, OverflowError) as error:
        raise InputError(
            "the NIfTI header contradicts itself", path=path, seen=error, remedy=_DAMAGED_HEADER_REMEDY
        ) from error
    return header, magic in (b"n+1", b"n+2")


def _check_spacing(header: nibabel.Nifti1Header, path: Path) -> None:
    """Refuse a header without voxel sizes, unless the sform gives them; runs before repairs hide it."""
    voxel_sizes = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    if header["sform_code"] == 0 and not (np.isfinite(voxel_sizes).all() and voxel_sizes.all()):
        raise InputError(
            "the NIfTI header gives no voxel size",
            path=path,
            seen=f"pixdim {tuple(voxel_sizes.tolist())}",
            expected="three numbers other than zero, or an sform",
            remedy=_DAMAGED_HEADER_REMEDY,
        )


def _check_shape(header: nibabel.Nifti1Header, path: Path) -> None:
    dimensions = header["dim"].tolist()
    if not 1 <= dimensions[0] <= 7 or min(dimensions[1 : dimensions[0] + 1]) < 1:
        raise InputError(
            "the NIfTI header gives no valid image size",
            path=path,
            seen=f"dim {dimensions}",
            expected="1 to 7 dimensions, each at least 1",
            remedy=_DAMAGED_HEADER_REMEDY,
        )


def _check_position(header: nibabel.Nifti1Header, path: Path) -> None:
    if not np.isfinite(header.get_best_affine()).all():
        raise InputError(
            "the NIfTI header's position in space holds values that are not numbers",
            path=path,
            seen=f"sform {header['sform_code']}, qform {header['qform_code']} (codes)",
            expected="a finite affine",
            remedy=_DAMAGED_HEADER_REMEDY,
        )


def scaling(header: nibabel.Nifti1Header, path: Path) -> tuple[float, float]:
    """Slope and intercept; 1.0 and 0.0 where there are none, told by a slope of 0 or NaN.

    Source: NIfTI-1.1 standard, scl_slope.

    Raises:
        InputError: when the slope counts and the intercept is not a number.
    """
    try:
        slope, intercept = header.get_slope_inter()
    except HeaderDataError as error:
        raise InputError(
            "the NIfTI header's value scaling is damaged",
            path=path,
            seen=error,
            remedy=_DAMAGED_HEADER_REMEDY,
        ) from error
    return (1.0 if slope is None else float(slope)), (0.0 if intercept is None else float(intercept))
