"""Reading label maps for evaluation: integer labels on a canonical grid, and warnings about anomalies of the file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import nibabel
import nibabel.affines
import numpy as np
from numpy.typing import NDArray

from flarecli.counts import counted
from flarecli.errors import InputError
from flarecli.volume.image import ImageHeader, StoredImage
from flarecli.volume.image_files import read_header, read_image

_SLAB_BYTES = 32 << 20  # of float64 values converted at a time
_HIGHEST_LABEL = np.iinfo(np.uint16).max
_SPACING_RELATIVE_TOLERANCE = 1e-3
_ROUNDING_TOLERANCE = 1e-3  # of values that a tool has multiplied and divided: 2.9999998 is 3
PLAUSIBLE_VOXEL_MM = (1e-3, 1e3)
"""Voxel sizes from microscopy to the thickest localizer."""


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
        warnings: Anomalies of the file that can make a score misleading.
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


def read_label_header(path: Path) -> ImageHeader:
    """Read what a NIfTI, NRRD or MetaImage file says about its label map; no voxels are read.

    Raises:
        InputError: when the file cannot be read, is not three-dimensional, or holds no plain numbers.
    """
    header = read_header(path)
    if len(header.shape) < 3 or any(size != 1 for size in header.shape[3:]):
        raise InputError(
            "is not a label map of one volume",
            path=path,
            seen=f"{len(header.shape)} dimensions, shape {header.shape}",
            expected="3 dimensions",
            remedy="Store one label map a file, without further axes.",
        )
    if header.dtype.kind not in "iuf":
        raise InputError(
            "holds no plain numbers",
            path=path,
            seen=f"type {header.dtype}",
            expected="an integer or floating-point type",
            remedy="Save the labels as unsigned 8-bit integers.",
        )
    return header


def canonical_shape_zyx(header: ImageHeader) -> tuple[int, int, int]:
    """Sizes of a label map's axes (z, y, x) after it has been brought into canonical orientation.

    Raises:
        InputError: when the affine gives no orientation.
    """
    axes = _canonical_axes(header)
    sizes = [0, 0, 0]
    for size, axis in zip(header.shape, axes[:, 0].astype(int), strict=False):
        sizes[axis] = size
    x, y, z = sizes
    return z, y, x


def read_label_map(source: Path | ImageHeader, *, fractions: Fractions) -> LabelMap:
    """Read a label map and bring it into canonical orientation (RAS+).

    Values must be whole numbers from 0 to 65535, each within 0.001 of one; other fractions are counted by the rule
    given, with a warning.

    Args:
        source: A NIfTI, NRRD or MetaImage file, or its header as `read_label_header` gave it.
        fractions: What a value between two labels counts as.

    Raises:
        InputError: when the file cannot be read, is not three-dimensional, holds values that cannot be labels, or does
            not fit into memory.
    """
    header = read_label_header(source) if isinstance(source, Path) else source
    axes = _canonical_axes(header)
    sizes_mm = _voxel_sizes_mm(header.spacing_ijk_mm, header.path)
    image = _read(header)
    labels_xyz, fractional_voxels = _whole_numbers(image, fractions, is_literal=False)
    check_labels(labels_xyz, header.path)
    warnings = list(image.warnings)
    if fractional_voxels:
        warnings.append(
            f"values between labels in {counted(fractional_voxels, 'voxel')}, each counted as {fractions.value}"
        )
    affine_sizes_mm = nibabel.affines.voxel_sizes(header.affine_ras)
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
        header.affine_ras @ nibabel.orientations.inv_ornt_aff(axes, labels_xyz.shape),
        tuple(warnings),
        fractional_voxels,
    )


def check_labels(labels: NDArray[np.integer], path: Path | None, name: str | None = None) -> None:
    """Refuse whole numbers that cannot be labels.

    Args:
        labels: Integers, at least one.
        path: The file that they were read from.
        name: What messages call them where there is no file.

    Raises:
        InputError: when a value is below 0 or above 65535.
    """
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest > _HIGHEST_LABEL:
        raise _not_labels(path, lowest if lowest < 0 else highest, name)


def read_label_map_literally(source: Path | ImageHeader, *, fractions: Fractions) -> LabelMap:
    """Read a label map as the FLARE scripts do: index by index, orientation and affine not looked at.

    Source: FLARE21 and FLARE22 DSC_NSD_eval.py. Truncated values wrap to uint8, like their cast.

    Raises:
        InputError: when the file cannot be read, is not three-dimensional, or does not fit into memory.
    """
    header = read_label_header(source) if isinstance(source, Path) else source
    zooms = header.spacing_ijk_mm if header.nifti_header is None else header.nifti_header.get_zooms()[:3]
    sizes_mm = _voxel_sizes_mm(zooms, header.path)
    image = _read(header)
    labels_xyz, _ = _whole_numbers(image, fractions, is_literal=True)
    if fractions is Fractions.TRUNCATED:
        labels_xyz = labels_xyz.astype(np.uint8, copy=False)
    warnings = image.warnings[len(header.warnings) :]  # of the voxels: a literal reading ignores positions
    return LabelMap(np.ascontiguousarray(labels_xyz.T), _reversed(sizes_mm), header.affine_ras, warnings)


def _read(header: ImageHeader) -> StoredImage:
    """Read the voxels where they fit into memory, and beside them the labels that they become."""
    voxels = math.prod(header.shape)
    becomes_other = header.dtype.kind == "f" or header.is_scaled
    return read_image(header, beside_bytes=voxels * (2 if becomes_other else header.dtype.itemsize))


def _canonical_axes(header: ImageHeader) -> NDArray[np.float64]:
    """nibabel's orientation array: for each stored axis the canonical one, and whether it is reversed."""
    axes: NDArray[np.float64] = nibabel.io_orientation(header.affine_ras)
    if np.isnan(axes).any():
        raise InputError(
            "the affine has no extent along one axis, so the orientation is unknown",
            path=header.path,
            seen=header.affine_ras[:3, :3].tolist(),
            expected="three independent columns",
            remedy="Export the label map again, or score it with --literal, which ignores affines.",
        )
    return axes


def _whole_numbers(image: StoredImage, fractions: Fractions, *, is_literal: bool) -> tuple[NDArray[np.integer], int]:
    """The labels `(x, y, z)` as integers, and how many voxels were fractional.

    Integers stay as they are; other values are converted slab by slab, so that no float64 volume exists.
    A literal reading rounds nothing, and values that are not labels match nothing there; otherwise they are refused.
    """
    header = image.header
    stored = image.stored.reshape(header.shape[:3], order="F")
    if stored.dtype.kind in "iu" and not header.is_scaled:
        return stored, 0
    labels = np.empty(stored.shape, dtype=np.uint16, order="F")
    fractional_voxels = 0
    slices_a_slab = max(1, _SLAB_BYTES // max(1, 8 * stored.shape[0] * stored.shape[1]))
    for start in range(0, stored.shape[2], slices_a_slab):
        slab = slice(start, start + slices_a_slab)
        with np.errstate(all="ignore"):  # values that are not numbers, or too large: refused below
            values = stored[..., slab] * np.float64(header.slope) + np.float64(header.intercept)
            whole = np.trunc(values)
            fractional = whole != values  # also where the value is not a number
            if not is_literal and fractional.any():
                nearest = np.rint(values)
                is_near = np.abs(values - nearest) <= _ROUNDING_TOLERANCE
                np.copyto(whole, nearest, where=is_near)
                fractional &= ~is_near
        possible = (whole >= 0) & (whole <= _HIGHEST_LABEL)
        if not is_literal and not possible.all():
            raise _not_labels(header.path, values[~possible][0])
        counted = possible & ~fractional if fractions is Fractions.UNLABELLED else possible
        labels[..., slab] = np.where(counted, whole, 0)
        fractional_voxels += int(np.count_nonzero(fractional))
    return labels, fractional_voxels


def _not_labels(path: Path | None, value: Any, name: str | None = None) -> InputError:
    problem = "holds values that cannot be labels"
    return InputError(
        problem if name is None else f"the {name} {problem}",
        path=path,
        seen=value,
        expected=f"whole numbers from 0 to {_HIGHEST_LABEL}",
        remedy="Check that this is a label map, not an image or a map of probabilities.",
    )


def _voxel_sizes_mm(stated_mm: Sequence[float], path: Path) -> NDArray[np.float64]:
    """The header's voxel sizes along x, y and z, float32 as the challenge has them: they decide ties."""
    sizes_mm = np.array(stated_mm, dtype=np.float64)
    lowest_mm, highest_mm = PLAUSIBLE_VOXEL_MM
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
