"""NIfTI files as they are stored: fast reading without a change of type, whole or not at all.

Knows the container only. Whether the voxels can be a CT scan, and their orientation, is decided elsewhere.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import nibabel
import numpy as np
from isal import igzip, igzip_lib

from flarecli.errors import InputError, UsageError
from flarecli.files.atomic import atomic_path
from flarecli.volume.nifti_header import parse_header, scaling

_GZIP_MAGIC = b"\x1f\x8b"
"""First two bytes of a gzip file. Source: RFC 1952 §2.3.1."""

_DEFLATE_MAX_RATIO = 1032
"""Deflate cannot expand a byte to more than this many. Source: zlib technical details."""

_COMPRESSION_LEVEL = 2
"""Of ISA-L's 0 to 3. Label maps: level 3 is larger and ten times slower; CT: levels 1 to 3 differ by 3 %."""

_CHUNK_BYTES = 1 << 20  # a gzip stream allocates what it is asked for, so ask for little
_CORRUPT = (gzip.BadGzipFile, cast(type[Exception], igzip_lib.IsalError))  # isal's stubs call it an instance

_TRUNCATED_REMEDY = "The file is incomplete, as after a broken download or copy: fetch or export it again."


@dataclass(frozen=True)
class StoredNifti:
    """The content of a NIfTI file, values unscaled.

    Attributes:
        header: NIfTI-1 or NIfTI-2 header, small defects repaired (qfac, negative pixdim).
        stored: The stored values, shape (x, y, z, ...), Fortran order, storage type in native byte order.
        slope: Factor from stored values to real ones, 1.0 where the file gives none.
        intercept: Added after the factor, 0.0 where the file gives none.
    """

    header: nibabel.Nifti1Header
    stored: np.ndarray
    slope: float
    intercept: float

    @property
    def is_scaled(self) -> bool:
        """Whether real values differ from the stored ones."""
        return self.slope != 1.0 or self.intercept != 0.0

    @property
    def affine_ras(self) -> np.ndarray:
        """4x4 float64 matrix from the index (x, y, z) to world mm: sform, else qform, else pixdim."""
        return cast(np.ndarray, self.header.get_best_affine())


def read_nifti(path: Path) -> StoredNifti:
    """Read a NIfTI-1 or -2 file: `.nii`, `.nii.gz`, or a pair `.hdr` and `.img`, each also compressed.

    The compression is told by the content, not by the name. Voxels are unpacked straight into their array,
    and the checksum of a compressed file is verified.

    Raises:
        InputError: when the file is missing, a folder, empty, unreadable, not NIfTI, truncated or corrupt, or
            when its header contradicts itself.
    """
    path = Path(path)
    header_path, voxels_path = _parts(path)
    with _opened(header_path) as stream:
        header, is_single = parse_header(stream, header_path)
        if is_single:
            stored = _read_voxels(stream, header, header_path, skip=int(header["vox_offset"]) - stream.tell())
    if not is_single:
        with _opened(voxels_path) as stream:
            stored = _read_voxels(stream, header, voxels_path, skip=int(header["vox_offset"]))
    slope, intercept = scaling(header, header_path)
    return StoredNifti(header, stored, slope, intercept)


def write_nifti(path: Path, header: nibabel.Nifti1Header, voxels_xyz: np.ndarray) -> None:
    """Write voxels under a header, whole or not at all; compressed where the name ends in `.gz`.

    The same voxels and header give the same bytes. Memory: one slice beyond the array, whatever its strides.

    Args:
        path: Ends in `.nii` or `.nii.gz`.
        header: Geometry to write; a copy of it gets the array's shape and type, and no scaling.
        voxels_xyz: Array of shape (x, y, z) in any memory order.

    Raises:
        UsageError: when the name has another ending.
        InputError: when the folder cannot be written to.
    """
    path = Path(path)
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise UsageError(
            "is no name for a NIfTI file",
            path=path,
            expected="a name ending in .nii.gz or .nii",
            remedy="Choose such a name.",
        )
    header = header.copy()
    header.set_data_shape(voxels_xyz.shape)
    header.set_data_dtype(voxels_xyz.dtype)
    header.set_slope_inter(1.0, 0.0)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
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


def _parts(path: Path) -> tuple[Path, Path]:
    """Paths of header and voxels: the same for a single file, `.hdr` and `.img` for a pair."""
    stem, compressed = (path.with_suffix(""), ".gz") if path.suffix.lower() == ".gz" else (path, "")
    if stem.suffix.lower() in (".hdr", ".img"):
        return stem.with_suffix(".hdr" + compressed), stem.with_suffix(".img" + compressed)
    return path, path


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, through gunzip where it is compressed, and give its failures names."""
    if path.is_dir():
        raise InputError("is a folder, not a NIfTI file", path=path, remedy="Name the file inside it.")
    try:
        with path.open("rb") as file:
            magic = file.read(2)
            file.seek(0)
            if not magic:
                raise InputError("is empty (0 bytes)", path=path, remedy=_TRUNCATED_REMEDY)
            if magic == _GZIP_MAGIC:
                with igzip.open(file, "rb") as unpacked:
                    yield unpacked
                    while unpacked.read(_CHUNK_BYTES):  # up to the checksum, which is verified there
                        pass
            else:
                yield file
    except FileNotFoundError as error:
        raise InputError("does not exist", path=path, remedy="Check the spelling of the path.") from error
    except EOFError as error:
        raise InputError("the compressed data end too early", path=path, remedy=_TRUNCATED_REMEDY) from error
    except _CORRUPT as error:
        raise InputError(
            "the compressed data are corrupt", path=path, seen=error, remedy="Fetch or export the file again."
        ) from error
    except OSError as error:
        raise InputError(
            "cannot be read",
            path=path,
            seen=error.strerror or str(error),
            remedy="Check the permissions of the file, and the disk or network drive it lies on.",
        ) from error


def _read_voxels(stream: BinaryIO, header: nibabel.Nifti1Header, path: Path, *, skip: int) -> np.ndarray:
    """Unpack the voxels into one array; `skip` bytes of extensions or padding lie before them."""
    shape, dtype = header.get_data_shape(), header.get_data_dtype()
    expected_bytes = math.prod(shape) * dtype.itemsize
    # A damaged size in the header must not reserve memory that the file cannot fill.
    possible_bytes = path.stat().st_size * (_DEFLATE_MAX_RATIO if isinstance(stream, gzip.GzipFile) else 1)
    if expected_bytes > possible_bytes:
        raise _too_short(path, f"at most {possible_bytes}", shape, dtype, expected_bytes)
    while skip > 0:
        skipped = len(stream.read(min(skip, _CHUNK_BYTES)))
        if not skipped:
            raise _too_short(path, 0, shape, dtype, expected_bytes)
        skip -= skipped
    buffer = np.empty(expected_bytes, np.uint8)
    unfilled = buffer.data
    while unfilled:
        count = stream.readinto(unfilled[:_CHUNK_BYTES])  # type: ignore[attr-defined]
        if not count:
            raise _too_short(path, expected_bytes - len(unfilled), shape, dtype, expected_bytes)
        unfilled = unfilled[count:]
    stored = buffer.view(dtype).reshape(shape, order="F")
    if not dtype.isnative:
        stored = stored.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return stored


def _too_short(
    path: Path, seen_bytes: object, shape: tuple[int, ...], dtype: np.dtype, expected_bytes: int
) -> InputError:
    return InputError(
        "holds fewer voxels than its header says",
        path=path,
        seen=f"{seen_bytes} bytes of voxels",
        expected=f"{expected_bytes} bytes for shape {shape} of {dtype}",
        remedy=_TRUNCATED_REMEDY,
    )
