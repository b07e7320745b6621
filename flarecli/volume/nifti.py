"""NIfTI files as they are stored: headers first, voxels without a change of type, whole or not at all.

Knows the container only. Whether the voxels can be a CT scan, and their orientation, is decided elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import nibabel
import numpy as np
from isal import igzip

from flarecli.errors import UsageError
from flarecli.files.atomic import atomic_path
from flarecli.volume.image import ImageHeader
from flarecli.volume.nifti_header import parse_header, scaling, voxel_starts
from flarecli.volume.nifti_position import position_mm
from flarecli.volume.unpacking import gzip_or_raw, unpacked
from flarecli.volume.voxel_data import VoxelData

_COMPRESSION_LEVEL = 2
"""Of ISA-L's 0 to 3. Label maps: level 3 is larger and ten times slower; CT: levels 1 to 3 differ by 3 %."""


def read_nifti_header(path: Path) -> ImageHeader:
    """Read what a NIfTI-1 or -2 file says: `.nii`, `.nii.gz`, or a pair `.hdr` and `.img`, each also compressed.

    The compression is told by the content, not by the name.

    Raises:
        InputError: when the file is missing, a folder, empty, unreadable, not NIfTI, or when its header contradicts
            itself.
    """
    path = Path(path)
    header_path, voxels_path = nifti_files(path)
    encoding = gzip_or_raw(header_path)
    with unpacked(header_path, encoding) as stream:
        header, is_single, warnings = parse_header(stream, header_path)
        behind_header = is_single or voxels_path == header_path
        starts, is_clear = voxel_starts(stream, header, behind_header=behind_header)
    if not behind_header:
        encoding = gzip_or_raw(voxels_path)
    slope, intercept = scaling(header, header_path)
    affine_ras, spacing_ijk_mm, unit_warnings = position_mm(header)
    return ImageHeader(
        path=path,
        shape=tuple(int(size) for size in header.get_data_shape()),
        dtype=header.get_data_dtype(),
        affine_ras=affine_ras,
        spacing_ijk_mm=spacing_ijk_mm,
        data=VoxelData(
            paths=(header_path if behind_header else voxels_path,), encoding=encoding, skips=starts, is_clear=is_clear
        ),
        slope=slope,
        intercept=intercept,
        nifti_header=header,
        warnings=(*warnings, *unit_warnings),
    )


def nifti_files(path: Path) -> tuple[Path, Path]:
    """Paths of header and voxels: the same for a single file, `.hdr` and `.img` for a pair, in capitals where the name
    is."""
    stem, compressed = (path.with_suffix(""), path.suffix) if path.suffix.lower() == ".gz" else (path, "")
    if stem.suffix.lower() not in (".hdr", ".img"):
        return path, path
    header, voxels = (".HDR", ".IMG") if stem.suffix.isupper() else (".hdr", ".img")
    return stem.with_suffix(header + compressed), stem.with_suffix(voxels + compressed)


def write_nifti(path: Path, header: nibabel.Nifti1Header, voxels_xyz: np.ndarray, *, replaces: bool = True) -> None:
    """Write voxels under a header, whole or not at all; compressed where the name ends in `.gz`.

    The same voxels and header give the same bytes. Memory: one slice beyond the array, whatever its strides.

    Args:
        path: Ends in `.nii` or `.nii.gz`.
        header: Geometry to write; a copy of it gets the array's shape and type, and no scaling.
        voxels_xyz: Array of shape (x, y, z) in any memory order.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        UsageError: when the name has another ending.
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    path = Path(path)
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise UsageError(
            "is not the name of a NIfTI file",
            path=path,
            expected="a name ending in .nii.gz or .nii",
            remedy="Choose such a name.",
        )
    header = header.copy()
    header.set_data_shape(voxels_xyz.shape)
    header.set_data_dtype(voxels_xyz.dtype)
    header.set_slope_inter(1.0, 0.0)
    with atomic_path(path, replaces=replaces) as temporary, temporary.open("wb") as file:
        if path.suffix.lower() == ".gz":
            # Neither name nor time go into the gzip header.
            with igzip.IGzipFile("", "wb", _COMPRESSION_LEVEL, file, mtime=0) as packed:
                _write_content(packed, header, voxels_xyz)
        else:
            _write_content(file, header, voxels_xyz)


def _write_content(stream: BinaryIO, header: nibabel.Nifti1Header, voxels_xyz: np.ndarray) -> None:
    header.write_to(stream)
    for z in range(voxels_xyz.shape[2]):
        stream.write(np.ascontiguousarray(voxels_xyz[:, :, z].T).data)
