"""A folder of DICOM slices as one scan: the series chosen, its slices checked for gaps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from flarecli.errors import InputError
from flarecli.volume.itk_formats import LPS_TO_RAS, affine_of, itk_errors, simpleitk, stored_scan
from flarecli.volume.source import StoredScan

_MODALITY, _DESCRIPTION, _IMAGE_TYPE, _POSITION = "0008|0060", "0008|103e", "0008|0008", "0020|0032"
_STEP_TOLERANCE = 0.05  # of the slice distance; positions are rounded in many files, a gap is at least 1
_STEP_TOLERANCE_MM = 0.02


@dataclass(frozen=True)
class _Series:
    """What the first slice says of a series, and its files in order along the patient."""

    files: tuple[str, ...]
    modality: str
    description: str
    image_type: str

    @property
    def is_ct_scan(self) -> bool:
        return self.modality == "CT" and len(self.files) > 1 and "LOCALIZER" not in self.image_type.upper()

    def __str__(self) -> str:
        return f"'{self.description or 'no description'}' ({self.modality}, {len(self.files)} slices)"


def is_dicom_file(path: Path) -> bool:
    """Whether a file carries DICOM's mark at byte 128. Source: DICOM PS3.10 §7.1."""
    try:
        with path.open("rb") as file:
            file.seek(128)
            return file.read(4) == b"DICM"
    except OSError:
        return False


def read_dicom_folder(folder: Path) -> StoredScan:
    """Read the one CT series of a folder; its subfolders are not searched.

    Raises:
        InputError: when there is no CT series or more than one, or slices are missing, doubled or shifted.
        InstallationError: when SimpleITK is not installed.
    """
    sitk = simpleitk(folder)
    with itk_errors(sitk, folder):
        series, left_out = _chosen(_series_of(sitk, folder), folder)
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(series.files)
        reader.MetaDataDictionaryArrayUpdateOn()
        reader.LoadPrivateTagsOff()
        image = reader.Execute()
    positions_lps = _slice_positions(reader, len(series.files), folder)
    _check_steps(positions_lps, folder)
    affine_ras = affine_of(image)
    affine_ras[:3, 2] = LPS_TO_RAS @ (positions_lps[-1] - positions_lps[0]) / (len(positions_lps) - 1)
    affine_ras[:3, 3] = LPS_TO_RAS @ positions_lps[0]
    return stored_scan(image, affine_ras, folder, warnings=_notice(series, left_out))


def _series_of(sitk: ModuleType, folder: Path) -> list[_Series]:
    found = []
    for identifier in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), identifier)
        first = sitk.ImageFileReader()
        first.SetFileName(files[0])
        first.ReadImageInformation()
        found.append(_Series(tuple(files), *(_tag(first, tag) for tag in (_MODALITY, _DESCRIPTION, _IMAGE_TYPE))))
    return found


def _tag(reader: Any, tag: str) -> str:
    return reader.GetMetaData(tag).strip() if reader.HasMetaDataKey(tag) else ""


def _chosen(found: list[_Series], folder: Path) -> tuple[_Series, list[_Series]]:
    """The only CT scan, and the other series."""
    if not found:
        raise InputError(
            "holds no DICOM slices",
            path=folder,
            remedy="Name the folder whose files are the slices themselves; subfolders are not searched.",
        )
    scans = [series for series in found if series.is_ct_scan]
    listed = "; ".join(str(series) for series in found)
    if not scans:
        raise InputError(
            "holds no CT scan",
            path=folder,
            seen=listed,
            expected="a CT series of several slices",
            remedy="Give the folder of an axial CT series.",
        )
    if len(scans) > 1:
        raise InputError(
            "holds several CT series",
            path=folder,
            seen=listed,
            expected="one CT series",
            remedy="Move the series to be segmented into a folder of its own.",
        )
    return scans[0], [series for series in found if series is not scans[0]]


def _notice(series: _Series, left_out: list[_Series]) -> tuple[str, ...]:
    if not left_out:
        return ()
    return (f"of several series {series} was taken; left out: {'; '.join(map(str, left_out))}",)


def _slice_positions(reader: Any, count: int, folder: Path) -> np.ndarray:
    """World position (LPS, mm) of the first voxel of each slice, shape (slices, 3)."""
    try:
        return np.array(
            [[float(part) for part in reader.GetMetaData(k, _POSITION).split("\\")] for k in range(count)]
        ).reshape(count, 3)
    except (RuntimeError, ValueError) as error:
        raise InputError(
            "slices do not say where they lie",
            path=folder,
            seen="no valid Image Position (Patient), tag 0020,0032",
            expected="three numbers in every slice",
            remedy="Export the series again as original axial CT slices.",
        ) from error


def _check_steps(positions_lps: np.ndarray, folder: Path) -> None:
    """Refuse slices that are not evenly spaced along one line."""
    steps = np.diff(positions_lps, axis=0)
    usual = np.median(steps, axis=0)
    usual_mm = float(np.linalg.norm(usual))
    off_mm = np.linalg.norm(steps - usual, axis=1)
    irregular = np.flatnonzero(off_mm > max(_STEP_TOLERANCE * usual_mm, _STEP_TOLERANCE_MM))
    if usual_mm > 0 and not irregular.size:
        return
    worst = int(np.argmax(off_mm))
    raise InputError(
        "slices are missing, doubled or shifted",
        path=folder,
        seen=f"{np.linalg.norm(steps[worst]):.2f} mm between slices {worst + 1} and {worst + 2}, "
        f"{irregular.size} such steps",
        expected=f"{usual_mm:.2f} mm between all slices",
        remedy="Export the whole series again, one reconstruction a folder.",
    )
