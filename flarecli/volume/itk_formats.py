"""What SimpleITK reads, as a scan: its world is LPS, ours is RAS, and its memory is its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from flarecli.errors import InputError, InstallationError
from flarecli.volume.geometry_checks import check_shape, check_type
from flarecli.volume.source import SourceGeometry, StoredScan
from flarecli.volume.world_axes import LPS_TO_RAS, affine_from

__all__ = ["LPS_TO_RAS", "affine_of", "itk_errors", "simpleitk", "stored_scan"]

_silence = threading.Lock()
_silent_bodies = 0
_shown_before = False


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
    return affine_from(directions * image.GetSpacing()[:3], np.array(image.GetOrigin()[:3]))


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
    with _without_warnings(sitk):
        try:
            yield
        except RuntimeError as error:
            raise InputError(
                "cannot be read or written by SimpleITK",
                path=path,
                seen=str(error).strip().splitlines()[-1],
                remedy="It may be incomplete or of another format: export it again, or convert it to NIfTI.",
            ) from error


@contextmanager
def _without_warnings(sitk: ModuleType) -> Iterator[None]:
    """ITK's flag is one for all threads: the first body clears it, and the last that ends sets it back."""
    global _silent_bodies, _shown_before
    with _silence:
        if not _silent_bodies:
            _shown_before = sitk.ProcessObject.GetGlobalWarningDisplay()
            sitk.ProcessObject.SetGlobalWarningDisplay(False)
        _silent_bodies += 1
    try:
        yield
    finally:
        with _silence:
            _silent_bodies -= 1
            if not _silent_bodies:
                sitk.ProcessObject.SetGlobalWarningDisplay(_shown_before)
