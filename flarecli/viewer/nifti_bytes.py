"""Arrays as bytes: voxels for the page, NIfTI-1 files for the notebook."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import nibabel
import numpy as np
from isal import igzip

from flarecli.geometry import Grid

_VOXELS_AT = 352
_COMPRESSION_LEVEL = 1
_SLAB_BYTES = 8 << 20


def nifti_parts(voxels: np.ndarray, grid: Grid, shown_hu: tuple[float, float]) -> Iterator[bytes]:
    """A NIfTI-1 file in parts: header, then slabs of slices.

    Args:
        voxels: Array of shape (z, y, x), canonical RAS+, C-contiguous.
        grid: Its grid.
        shown_hu: Display window (black, white), which NiiVue otherwise computes from every
            voxel.
    """
    header = nibabel.Nifti1Header(endianness="<")
    header.set_data_dtype(voxels.dtype.newbyteorder("<"))
    header.set_data_shape(voxels.shape[::-1])
    header.set_sform(grid.affine_ras, code="scanner")
    header.set_qform(grid.affine_ras, code="scanner", strip_shears=True)
    header.set_xyzt_units("mm")
    header["cal_min"], header["cal_max"] = shown_hu
    header["vox_offset"] = _VOXELS_AT
    header["magic"] = b"n+1"
    yield header.binaryblock.ljust(_VOXELS_AT, b"\0")
    yield from voxel_parts(voxels)


def voxel_parts(voxels: np.ndarray) -> Iterator[bytes]:
    """The voxels of an array of shape (z, y, x), x fastest, little-endian, in slabs of slices."""
    slices = max(1, _SLAB_BYTES // max(1, voxels[0].nbytes))
    for start in range(0, len(voxels), slices):
        yield (
            np.ascontiguousarray(voxels[start : start + slices])
            .astype(voxels.dtype.newbyteorder("<"), copy=False)
            .tobytes()
        )


def compressed(parts: Iterable[bytes]) -> bytes:
    """Content in parts as gzip."""
    packed = io.BytesIO()
    with igzip.IGzipFile(fileobj=packed, mode="wb", compresslevel=_COMPRESSION_LEVEL, mtime=0) as file:
        for part in parts:
            file.write(part)
    return packed.getvalue()


def packed_labels(labels: np.ndarray) -> bytes:
    """The voxels of a label map, x fastest, as gzip."""
    return compressed(np.ascontiguousarray(plane).tobytes() for plane in labels)
