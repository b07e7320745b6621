"""What a file says about a scan before anything is converted: its geometry and its stored values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import nibabel
import numpy as np

from flarecli.volume.image import ImageHeader
from flarecli.volume.orientation import Orientation

_GEOMETRY_FIELDS = (
    "qform_code",
    "sform_code",
    "quatern_b",
    "quatern_c",
    "quatern_d",
    "qoffset_x",
    "qoffset_y",
    "qoffset_z",
    "srow_x",
    "srow_y",
    "srow_z",
    "xyzt_units",
)
_SCANNER_CODE = 1  # NIFTI_XFORM_SCANNER_ANAT


@dataclass(frozen=True)
class DicomSource:
    """Where the slices of a DICOM series come from.

    Attributes:
        files: The file of each slice.
        frames: The number of each slice within its file, from 0.
        is_resampled: Whether the slices lie elsewhere than in their files: gantry tilt was removed.
        unpacked: What keeps files that were unpacked from an archive in place; they go when this is no longer used.
    """

    files: tuple[Path, ...]
    frames: tuple[int, ...]
    is_resampled: bool
    unpacked: object = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class SourceGeometry:
    """The file's own geometry: all that is needed to write a label map that lies exactly on the scan.

    Attributes:
        shape_ijk: Number of voxels along the file's axes.
        spacing_ijk_mm: Voxel sizes along the file's axes.
        affine_ras: 4x4 float64 matrix from the file's index (i, j, k) to world mm.
        nifti_header: A NIfTI header with this geometry and nothing else: for a NIfTI source its position
            fields (sform, qform, their codes, pixdim, units) as they were.
        dicom: The slices of a DICOM source, in the order of k; None for other sources.
    """

    shape_ijk: tuple[int, int, int]
    spacing_ijk_mm: tuple[float, float, float]
    affine_ras: np.ndarray
    nifti_header: nibabel.Nifti1Header
    dicom: DicomSource | None = None

    @classmethod
    def of_header(
        cls,
        header: ImageHeader,
        shape_ijk: tuple[int, int, int],
        spacing_ijk_mm: tuple[float, float, float],
    ) -> SourceGeometry:
        """Geometry of a file's header; `spacing_ijk_mm` as it has been found right."""
        if header.nifti_header is None:
            return cls.of_affine(shape_ijk, header.affine_ras)
        return cls.of_nifti(header.nifti_header, header.affine_ras, shape_ijk, spacing_ijk_mm)

    @classmethod
    def of_nifti(
        cls,
        original: nibabel.Nifti1Header,
        affine_ras: np.ndarray,
        shape_ijk: tuple[int, int, int],
        spacing_ijk_mm: tuple[float, float, float],
    ) -> SourceGeometry:
        """Geometry of a NIfTI header, whose position fields are kept as they are."""
        kept = type(original)()
        kept.set_data_shape(shape_ijk)
        for name in _GEOMETRY_FIELDS:
            kept[name] = original[name]
        kept["pixdim"][:4] = original["pixdim"][:4]
        return cls(shape_ijk, spacing_ijk_mm, affine_ras, kept)

    @classmethod
    def of_affine(cls, shape_ijk: tuple[int, int, int], affine_ras: np.ndarray) -> SourceGeometry:
        """Geometry of an affine alone; sform and qform both say "scanner", units are mm."""
        affine_ras = np.asarray(affine_ras, dtype=np.float64)
        header = nibabel.Nifti1Header()
        header.set_data_shape(shape_ijk)
        header.set_sform(affine_ras, _SCANNER_CODE)
        header.set_qform(affine_ras, _SCANNER_CODE)
        header.set_xyzt_units("mm")
        i, j, k = np.linalg.norm(affine_ras[:3, :3], axis=0).tolist()
        return cls(shape_ijk, (i, j, k), affine_ras, header)

    @cached_property
    def orientation(self) -> Orientation:
        """How the file's axes map onto canonical ones."""
        return Orientation.of_affine(self.affine_ras)


@dataclass(frozen=True)
class StoredScan:
    """A scan as its file stores it.

    Attributes:
        stored_ijk: Stored values along the file's axes, Fortran order, any numeric type.
        slope: Factor from stored values to HU.
        intercept: Added after the factor.
        source: The file's geometry.
        warnings: Anomalies of the file.
    """

    stored_ijk: np.ndarray
    slope: float
    intercept: float
    source: SourceGeometry
    warnings: tuple[str, ...] = ()
