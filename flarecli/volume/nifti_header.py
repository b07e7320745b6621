"""NIfTI headers: recognized, repaired where the meaning is unambiguous, else refused."""

from __future__ import annotations

import logging
import struct
from pathlib import Path
from typing import BinaryIO

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

from flarecli.errors import InputError
from flarecli.volume.nifti_position import choose_position
from flarecli.volume.unpacking import skip_bytes

_NIFTI1_BYTES, _NIFTI2_BYTES = 348, 540  # sizes of the headers, NIfTI-1.1 and NIfTI-2 standards
_FLAG_BYTES = 4  # say whether extensions follow a header; NIfTI-1.1 standard, nifti1_extender
_MOST_EXTENSIONS = 10_000

_DAMAGED_HEADER_REMEDY = "The header is damaged: export the image again from its original."

_OTHER_FORMATS = (
    (b"BZh", "bzip2", "Unpack it first (bunzip2), or compress it with gzip."),
    (b"\xfd7zXZ", "xz", "Unpack it first (unxz), or compress it with gzip."),
    (b"\x28\xb5\x2f\xfd", "zstd", "Unpack it first (unzstd), or compress it with gzip."),
    (b"PK\x03\x04", "zip", "Unpack it first (unzip)."),
)
"""Compressions that are not read, by a file's first bytes."""

_SILENT = logging.getLogger("flarecli.volume.nifti_header.repairs")  # nibabel's own logger prints
_SILENT.disabled = True


def parse_header(stream: BinaryIO, path: Path) -> tuple[nibabel.Nifti1Header, bool, tuple[str, ...]]:
    """Read the header at the start of a stream. `path` serves the messages.

    Returns:
        The header, repaired; whether the voxels follow in the same file; warnings.

    Raises:
        InputError: when this is not a NIfTI header, or one that contradicts itself.
    """
    block = stream.read(_NIFTI1_BYTES)
    if block[4:8] in (b"n+2\0", b"ni2\0"):
        block += stream.read(_NIFTI2_BYTES - _NIFTI1_BYTES)
        kind, size, magic = nibabel.Nifti2Header, _NIFTI2_BYTES, block[4:7]
    else:
        kind, size, magic = nibabel.Nifti1Header, _NIFTI1_BYTES, block[344:347]
    if len(block) < size or magic not in (b"n+1", b"ni1", b"n+2", b"ni2"):
        raise _no_nifti(block, path)
    header = kind(block, check=False)
    return header, magic in (b"n+1", b"n+2"), repair_header(header, path)


def repair_header(header: nibabel.Nifti1Header, path: Path) -> tuple[str, ...]:
    """Repair a header in place where its meaning is unambiguous, and choose the position that counts.

    Args:
        header: As it is stored.
        path: The file, for messages.

    Returns:
        Warnings.

    Raises:
        InputError: when it contradicts itself.
    """
    try:
        with np.errstate(all="ignore"):  # damaged floats are found by the checks
            has_sizes = _has_voxel_sizes(header)
            codes = (int(header["qform_code"]), int(header["sform_code"]))
            start = header["vox_offset"].copy()
            header["vox_offset"] = 0  # where the voxels start is told by the file's length, too
            header.check_fix(logger=_SILENT, error_level=logging.ERROR)
            header["vox_offset"] = start
            _check_shape(header, path)
            warnings = choose_position(header, codes)
            _check_spacing(header, has_sizes, path)
            _check_position(header, path)
    except (HeaderDataError, ValueError, OverflowError) as error:
        raise InputError(
            "the NIfTI header contradicts itself", path=path, seen=error, remedy=_DAMAGED_HEADER_REMEDY
        ) from error
    return warnings


def voxel_starts(
    stream: BinaryIO, header: nibabel.Nifti1Header, *, behind_header: bool
) -> tuple[tuple[int, ...], bool]:
    """Where in the unpacked file the voxels can start.

    Args:
        stream: Stands behind the header, whose file's extensions are read from it.
        header: The header.
        behind_header: Whether the voxels follow the header in its file.

    Returns:
        Numbers of bytes, that which counts first, and whether it is what the header says and what the standard allows.
    """
    stated = float(header["vox_offset"])
    is_whole = bool(np.isfinite(stated)) and 0 <= stated < 2**62 and stated == int(stated)
    if not behind_header:
        starts = (int(stated), 0) if is_whole else (0,)
        return tuple(dict.fromkeys(starts)), is_whole
    size = int(header["sizeof_hdr"])
    ends = _end_of_extensions(stream, size, header.endianness)
    is_clear = is_whole and stated >= size + _FLAG_BYTES and (ends is None or stated >= ends)
    others = (size + _FLAG_BYTES, size) if ends is None else (ends,)
    starts = (int(stated), *others) if is_clear or (is_whole and stated >= size) else others
    return tuple(dict.fromkeys(starts)), is_clear


def _end_of_extensions(stream: BinaryIO, size: int, endianness: str) -> int | None:
    """The byte behind the header's extensions; None where there are none, or where they make no sense.

    Source: NIfTI-1.1 standard, nifti1_extender: a size, a multiple of 16 with the 8 bytes of size and code, each.
    """
    flag = stream.read(_FLAG_BYTES)
    if len(flag) < _FLAG_BYTES or not flag[0]:
        return None
    end = size + _FLAG_BYTES
    for _ in range(_MOST_EXTENSIONS):
        head = stream.read(8)
        if len(head) < 8:
            return None
        extension_bytes = struct.unpack(endianness + "i", head[:4])[0]
        if extension_bytes < 16 or extension_bytes % 16:
            break  # no further one: here the voxels begin
        if skip_bytes(stream, extension_bytes - 8) < extension_bytes - 8:
            return None
        end += extension_bytes
    return end if end > size + _FLAG_BYTES else None


def _no_nifti(block: bytes, path: Path) -> InputError:
    for magic, name, remedy in _OTHER_FORMATS:
        if block.startswith(magic):
            return InputError(
                f"is compressed with {name}, which is not read",
                path=path,
                seen=f"first bytes {block[:8]!r}",
                expected="NIfTI, plain or compressed with gzip",
                remedy=remedy,
            )
    return InputError(
        "is not a NIfTI file",
        path=path,
        seen=f"first bytes {block[:16]!r}",
        expected="a NIfTI-1 or NIfTI-2 header",
        remedy="Convert the image to NIfTI (.nii.gz), for example with dcm2niix.",
    )


def _has_voxel_sizes(header: nibabel.Nifti1Header) -> bool:
    """Before repairs hide that there are none."""
    sizes = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    return bool(np.isfinite(sizes).all() and sizes.all())


def _check_spacing(header: nibabel.Nifti1Header, has_sizes: bool, path: Path) -> None:
    """Refuse a header without voxel sizes, unless the sform gives them."""
    if header["sform_code"] == 0 and not has_sizes:
        raise InputError(
            "the NIfTI header gives no voxel size",
            path=path,
            seen="pixdim of 0, or not a number",
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
