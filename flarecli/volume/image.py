"""The header of an image, which is read before its voxels, and the image; the same for every format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from flarecli.volume.voxel_data import VoxelData


@dataclass(frozen=True)
class ImageHeader:
    """An image without its voxels.

    Attributes:
        path: The file that was named.
        shape: Sizes of all axes of the file, spatial ones first.
        dtype: Type of the stored values, in the file's byte order; may be a structure.
        affine_ras: 4x4 float64 matrix from the index (i, j, k) to world mm.
        spacing_ijk_mm: Voxel sizes of the first three axes as the file states them apart from the affine.
        data: Where the voxels lie.
        slope: Factor from stored values to real ones, 1.0 where the file gives none.
        intercept: Added after the factor, 0.0 where the file gives none.
        nifti_header: The file's own header where it is NIfTI, small defects repaired (qfac, negative pixdim).
        warnings: Anomalies of the header, as sentences for the user.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    affine_ras: np.ndarray
    spacing_ijk_mm: tuple[float, float, float]
    data: VoxelData
    slope: float = 1.0
    intercept: float = 0.0
    nifti_header: nibabel.Nifti1Header | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_scaled(self) -> bool:
        """Whether real values differ from the stored ones."""
        return self.slope != 1.0 or self.intercept != 0.0

    @property
    def voxels_bytes(self) -> int:
        """What the stored values take in memory."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class StoredImage:
    """An image as its file stores it.

    Attributes:
        header: What the file says about it.
        stored: The stored values, unscaled, of the header's shape, Fortran order, native byte order.
        warnings: Those of the header, and anomalies of the voxels' storage.
    """

    header: ImageHeader
    stored: np.ndarray
    warnings: tuple[str, ...] = ()
