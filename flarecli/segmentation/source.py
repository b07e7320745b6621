"""Scans as Python programs have them: paths, series of a collection, nibabel images, arrays."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from flarecli.dicom.collection.detection import is_collection
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.errors import UsageError
from flarecli.prediction.scan_content import ScanContent, WatchedScan
from flarecli.volume import Volume, read_volume
from flarecli.volume.in_memory import volume_of_array, volume_of_nibabel

if TYPE_CHECKING:
    import nibabel

Source: TypeAlias = (
    "str | os.PathLike[str] | SeriesFiles | nibabel.spatialimages.SpatialImage | tuple[np.ndarray, np.ndarray]"
)
"""A scan: the path of a file or of a folder with a DICOM series, or of folders, a zip archive or a DICOMDIR with one; a
series of `flarecli.dicom.collection.catalogue_of`; a nibabel image, or `(voxels_zyx, affine_ras)`."""


def chosen_source(source: Source, series: str | None) -> Source:
    """The one series of a path that holds several; any other source as it is.

    Raises:
        UsageError: when a series is chosen of something that is not a path.
        InputError: when the choice does not name one series.
        InstallationError: when pydicom is needed and not installed.
    """
    if isinstance(source, str | os.PathLike):
        if series is None and not is_collection(Path(source)):
            return source
        from flarecli.dicom.collection.choice import chosen_scan

        return chosen_scan(Path(source), series)
    if series is not None:
        raise UsageError(
            "a series is chosen of something that is not a path",
            seen=type(source).__name__,
            expected="a folder, a zip archive or a DICOMDIR",
            remedy="Leave series out.",
        )
    return source


def read_source(source: Any) -> tuple[Volume, ScanContent]:
    """Read a source, and sum up what was read: size and checksum of its files, or of its voxels and affine.

    Raises:
        InputError: as `volume_of`, and when files change while they are read.
        UsageError, InstallationError: as `volume_of`.
    """
    if isinstance(source, str | os.PathLike | SeriesFiles):
        scan = source if isinstance(source, SeriesFiles) else Path(source)
        watched = WatchedScan(scan)
        volume = volume_of(scan)
        return volume, watched.content()
    volume = volume_of(source)
    digest = hashlib.sha256(volume.voxels.data)
    digest.update(np.ascontiguousarray(volume.grid.affine_ras).data)
    return volume, ScanContent(0, volume.voxels.nbytes, digest.hexdigest())


def volume_of(source: Any) -> Volume:
    """Read a source.

    Raises:
        UsageError: when it is none.
        InputError: when it cannot be read, or cannot be a CT scan of a body in HU.
        InstallationError: when a package that the format needs is not installed.
    """
    if isinstance(source, str | os.PathLike | SeriesFiles):
        return read_volume(source if isinstance(source, SeriesFiles) else Path(source))
    if isinstance(source, tuple) and len(source) == 2:
        return volume_of_array(*source)
    if hasattr(source, "dataobj") and hasattr(source, "affine"):
        return volume_of_nibabel(source)
    raise UsageError(
        "this is not a scan",
        seen=type(source).__name__,
        expected="a path, a nibabel image, or (voxels_zyx, affine_ras)",
        remedy="Give one of these.",
    )
