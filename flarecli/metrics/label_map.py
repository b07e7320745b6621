"""Label maps as the scores need them: whole numbers, one grid, and a word on everything odd in the file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import nibabel
import nibabel.affines
import numpy as np
from numpy.typing import NDArray

from flarecli.errors import InputError
from flarecli.volume.nifti import StoredNifti, read_nifti

_SLAB_BYTES = 32 << 20  # of float64 values converted at a time
_HIGHEST_LABEL = np.iinfo(np.uint16).max
_SPACING_RELATIVE_TOLERANCE = 1e-3
_PLAUSIBLE_VOXEL_MM = (1e-3, 1e3)  # from microscopy to the thickest localizer


class Fractions(Enum):
    """What a value between two labels counts as. Source: the FLARE scripts, which differ in it."""

    TRUNCATED = "the whole number below"
    """FLARE21: the ground truth; FLARE22: both."""
    UNLABELLED = "no label"
    """FLARE21: the prediction, which is compared as it is."""


@dataclass(frozen=True)
class LabelMap:
    """Labels of voxels, and where they lie.

    Attributes:
        labels: Integer array of shape `(z, y, x)`, C-contiguous.
        spacing_mm: The header's float32 voxel sizes (pixdim) along z, y and x, as float.
        affine_ras: 4x4 float64 matrix from the index (x, y, z) to world mm.
        warnings: What is odd about the file and can make a score misleading.
        fractional_voxels: How many voxels hold values between labels.
    """

    labels: NDArray[np.integer]
    spacing_mm: tuple[float, float, float]
    affine_ras: NDArray[np.float64]
    warnings: tuple[str, ...] = ()
    fractional_voxels: int = 0

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return float(np.prod(self.spacing_mm)) / 1000


def read_label_map(path: Path, *, fractions: Fractions) -> LabelMap:
    """Read a label map and bring it into canonical orientation (RAS+).

    Values must be whole numbers from 0 to 65535; fractions are counted by the rule given, with a warning.

    Raises:
        InputError: when the file cannot be read, is not three-dimensional, or holds values that cannot be
            labels.
    """
    content = _three_dimensional(read_nifti(path), path)
    labels_xyz, fractional_voxels = _whole_numbers(content, fractions, path)
    lowest, highest = int(labels_xyz.min()), int(labels_xyz.max())
    if lowest < 0 or highest > _HIGHEST_LABEL:
        raise _not_labels(path, lowest if lowest < 0 else highest)
    warnings = []
    if fractional_voxels:
        warnings.append(f"{fractional_voxels} voxels hold values between labels, each counted as {fractions.value}")
    affine_ras = content.affine_ras
    axes = nibabel.io_orientation(affine_ras)
    if np.isnan(axes).any():
        raise InputError(
            "the affine has no extent along one axis, so the orientation is unknown",
            path=path,
            seen=affine_ras[:3, :3].tolist(),
            expected="three independent columns",
            remedy="Export the label map again, or score it with --literal, which ignores affines.",
        )
    sizes_mm = _voxel_sizes_mm(content, path)
    affine_sizes_mm = nibabel.affines.voxel_sizes(affine_ras)
    if not np.allclose(sizes_mm, affine_sizes_mm, rtol=_SPACING_RELATIVE_TOLERANCE):
        warnings.append(
            f"the header's pixdim says {_listed(sizes_mm)} mm, its affine {_listed(affine_sizes_mm)} mm; "
            "distances use pixdim, as the challenge does"
        )
    canonical_sizes_mm = np.empty(3)
    canonical_sizes_mm[axes[:, 0].astype(int)] = sizes_mm
    return LabelMap(
        np.ascontiguousarray(nibabel.apply_orientation(labels_xyz, axes).T),
        _reversed(canonical_sizes_mm),
        affine_ras @ nibabel.orientations.inv_ornt_aff(axes, labels_xyz.shape),
        tuple(warnings),
        fractional_voxels,
    )


def read_label_map_literally(path: Path, *, fractions: Fractions) -> LabelMap:
    """Read a label map as the FLARE scripts do: index by index, orientation and affine not looked at.

    Source: FLARE21 and FLARE22 DSC_NSD_eval.py. Truncated values wrap to uint8, like their cast.

    Raises:
        InputError: when the file cannot be read or is not three-dimensional.
    """
    content = _three_dimensional(read_nifti(path), path)
    labels_xyz, _ = _whole_numbers(content, fractions, None)
    if fractions is Fractions.TRUNCATED:
        labels_xyz = labels_xyz.astype(np.uint8, copy=False)
    return LabelMap(np.ascontiguousarray(labels_xyz.T), _reversed(_voxel_sizes_mm(content, path)), content.affine_ras)


def _three_dimensional(content: StoredNifti, path: Path) -> StoredNifti:
    if content.stored.ndim != 3:
        raise InputError(
            "is not a label map of one volume",
            path=path,
            seen=f"{content.stored.ndim} dimensions, shape {content.stored.shape}",
            expected="3 dimensions",
            remedy="Store one label map a file, without further axes.",
        )
    if content.stored.dtype.kind not in "iuf":
        raise InputError(
            "holds no plain numbers",
            path=path,
            seen=f"type {content.stored.dtype}",
            expected="an integer or floating-point type",
            remedy="Save the labels as unsigned 8-bit integers.",
        )
    return content


def _whole_numbers(content: StoredNifti, fractions: Fractions, path: Path | None) -> tuple[NDArray[np.integer], int]:
    """The labels `(x, y, z)` as integers, and how many voxels were fractional.

    Integers stay as they are; other values are converted slab by slab, so that no float64 volume exists.
    Values that are no label are refused in the name of `path`, or match nothing where `path` is None.
    """
    stored = content.stored
    if stored.dtype.kind in "iu" and not content.is_scaled:
        return stored, 0
    labels = np.empty(stored.shape, dtype=np.uint16, order="F")
    fractional_voxels = 0
    slices_a_slab = max(1, _SLAB_BYTES // max(1, 8 * stored.shape[0] * stored.shape[1]))
    for start in range(0, stored.shape[2], slices_a_slab):
        slab = slice(start, start + slices_a_slab)
        values = stored[..., slab] * np.float64(content.slope) + np.float64(content.intercept)
        whole = np.trunc(values)
        fractional = whole != values  # also where the value is not a number
        possible = (whole >= 0) & (whole <= _HIGHEST_LABEL)
        if path is not None and not possible.all():
            raise _not_labels(path, values[~possible][0])
        counted = possible & ~fractional if fractions is Fractions.UNLABELLED else possible
        labels[..., slab] = np.where(counted, whole, 0)
        fractional_voxels += int(np.count_nonzero(fractional))
    return labels, fractional_voxels


def _not_labels(path: Path, value: Any) -> InputError:
    return InputError(
        "holds values that cannot be labels",
        path=path,
        seen=value,
        expected=f"whole numbers from 0 to {_HIGHEST_LABEL}",
        remedy="Check that this is a label map, not an image or a map of probabilities.",
    )


def _voxel_sizes_mm(content: StoredNifti, path: Path) -> NDArray[np.float64]:
    """The header's voxel sizes along x, y and z, float32 as the challenge has them: they decide ties."""
    sizes_mm = np.array(content.header.get_zooms(), dtype=np.float64)
    lowest_mm, highest_mm = _PLAUSIBLE_VOXEL_MM
    if not ((sizes_mm >= lowest_mm) & (sizes_mm <= highest_mm)).all():
        raise InputError(
            "the header's voxel size (pixdim) cannot be right",
            path=path,
            seen=f"{_listed(sizes_mm)} mm",
            expected=f"{lowest_mm:g} to {highest_mm:g} mm",
            remedy="Export the label map again, with its spacing in mm.",
        )
    return sizes_mm


def _reversed(sizes_xyz_mm: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = sizes_xyz_mm.tolist()
    return z, y, x


def _listed(sizes_mm: NDArray[np.float64]) -> str:
    return " × ".join(f"{size:.4g}" for size in sizes_mm)
