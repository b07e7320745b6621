"""NRRD and MetaImage files, through SimpleITK: its world is LPS, ours is RAS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from flarecli.errors import InputError, InstallationError
from flarecli.files.atomic import atomic_path
from flarecli.volume.geometry_checks import check_shape, check_type
from flarecli.volume.source import SourceGeometry, StoredScan

ITK_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
"""Endings of the files that are read here."""

WRITABLE_SUFFIXES = (".nrrd", ".mha")
"""Endings of single files; `.nhdr` and `.mhd` come in two, which cannot appear at once."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
"""Turns world coordinates of ITK and DICOM into those of NIfTI, and back."""


def read_itk(path: Path) -> StoredScan:
    """Read a NRRD or MetaImage file in its storage type.

    Raises:
        InputError: when the file is missing, broken, or holds anything but one volume of plain numbers.
        InstallationError: when SimpleITK is not installed.
    """
    if not path.exists():
        raise InputError("does not exist", path=path, remedy="Check the spelling of the path.")
    sitk = simpleitk(path)
    with itk_errors(sitk, path):
        image = sitk.ReadImage(str(path))
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            "holds several values a voxel",
            path=path,
            seen=f"{image.GetNumberOfComponentsPerPixel()} components of {image.GetPixelIDTypeAsString()}",
            expected="one HU value a voxel",
            remedy="Give the CT scan itself, not a colour rendering or a vector field.",
        )
    return stored_scan(image, affine_of(image), path)


def write_itk(path: Path, labels_ijk: np.ndarray, source: SourceGeometry) -> None:
    """Write a label map as compressed NRRD or MetaImage with the geometry of its scan.

    Args:
        path: Ends in `.nrrd` or `.mha`.
        labels_ijk: Array along the file's axes.
        source: Geometry of the scan.

    Raises:
        OutputError: when the file cannot be written.
        InstallationError: when SimpleITK is not installed.
    """
    sitk = simpleitk(path)
    image = sitk.GetImageFromArray(np.ascontiguousarray(labels_ijk.T))
    affine_lps = LPS_TO_RAS @ source.affine_ras[:3]
    edges_mm = np.linalg.norm(affine_lps[:, :3], axis=0)
    image.SetSpacing(edges_mm.tolist())
    image.SetOrigin(affine_lps[:, 3].tolist())
    image.SetDirection((affine_lps[:, :3] / edges_mm).ravel().tolist())
    with atomic_path(path) as temporary, itk_errors(sitk, path):
        sitk.WriteImage(image, str(temporary), useCompression=True)


def stored_scan(image: Any, affine_ras: np.ndarray, path: Path, *, warnings: tuple[str, ...] = ()) -> StoredScan:
    """The content of a SimpleITK image, without a copy of its voxels."""
    sitk = simpleitk(path)
    stored_ijk = sitk.GetArrayViewFromImage(image).T
    check_type(stored_ijk.dtype, path)
    shape_ijk = check_shape(stored_ijk.shape, path)
    return StoredScan(
        stored_ijk.reshape(shape_ijk, order="F"),
        1.0,
        0.0,
        SourceGeometry.of_affine(shape_ijk, affine_ras),
        warnings,
        owner=image,
    )


def affine_of(image: Any) -> np.ndarray:
    """4x4 affine from the index (i, j, k) to world mm (RAS) of a SimpleITK image of 3 or 4 dimensions."""
    dimensions = image.GetDimension()
    if dimensions < 3:
        return np.eye(4)  # refused by its shape
    directions = np.reshape(image.GetDirection(), (dimensions, dimensions))[:3, :3]
    affine_ras = np.eye(4)
    affine_ras[:3, :3] = LPS_TO_RAS @ directions * image.GetSpacing()[:3]
    affine_ras[:3, 3] = LPS_TO_RAS @ image.GetOrigin()[:3]
    return affine_ras


def simpleitk(path: Path) -> ModuleType:
    """The SimpleITK package.

    Raises:
        InstallationError: when it is not installed; `path` says for what it was needed.
    """
    try:
        import SimpleITK
    except ImportError as error:
        raise InstallationError(
            "this format needs SimpleITK, which is not installed",
            path=path,
            remedy="Install it with: pip install 'flarecli[io]'. NIfTI files need no further package.",
        ) from error
    return SimpleITK


@contextmanager
def itk_errors(sitk: ModuleType, path: Path) -> Iterator[None]:
    """Give ITK's failures the file's name, and keep its warnings off the terminal."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    except RuntimeError as error:
        raise InputError(
            "cannot be read or written by SimpleITK",
            path=path,
            seen=str(error).strip().splitlines()[-1],
            remedy="It may be incomplete or of another format: export it again, or convert it to NIfTI.",
        ) from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
