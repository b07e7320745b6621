"""Headers of the slices that results refer to, checked before anything is computed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset

from flarecli.counts import counted
from flarecli.dicom.results.anonymous import anonymous_header, anonymous_identity
from flarecli.dicom.results.identity import TAKEN_OVER, Identity, identity_of
from flarecli.errors import InputError

_IDENTIFIERS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
)
"""Identifiers that tie a result to its study and position; none may be invented."""

_SHARED = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_GEOMETRY = (
    "Rows",
    "Columns",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "NumberOfFrames",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_READ = [*_IDENTIFIERS, *_GEOMETRY, *TAKEN_OVER, "Modality", "SpecificCharacterSet", "PositionReferenceIndicator"]
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
_LONGEST_UID = 64
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_REMEDY = "Export the series again from the archive, or leave out the DICOM objects."


@dataclass(frozen=True)
class SourceSeries:
    """A series as results refer to it.

    Attributes:
        headers: One a slice, or the one of a multi-frame object: identifiers and geometry, of the first also the
            attributes that results copy. They are not written themselves.
        identity: Patient and study.
    """

    headers: tuple[Dataset, ...]
    identity: Identity

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the identifiers of series and instances, by which a later run recognizes the series."""
        facts = [str(self.headers[0].SeriesInstanceUID), *sorted(str(header.SOPInstanceUID) for header in self.headers)]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def source_series(files: Sequence[Path], affine_ras: np.ndarray | None, *, anonymous: bool = False) -> SourceSeries:
    """Read the headers of a series for its results.

    Args:
        files: One a slice in their order; of a multi-frame file the same for all its frames.
        affine_ras: 4x4 matrix from the index (column, row, slice) to world mm (RAS), which replaces the rounded
            positions of the headers; None where results have other positions than the slices.
        anonymous: Whether results are to name neither patient nor study: see `flarecli.dicom.results.anonymous`.

    Raises:
        InputError: when an identifier that a result must contain is missing, not valid or differs, when the slices are
            in several multi-frame files, or when a file can no longer be read.
    """
    read = [_read(path) for path in dict.fromkeys(files)]
    first_path = next(iter(files))
    if len(read) > 1 and any(int(header.get("NumberOfFrames") or 1) > 1 for header in read):
        raise InputError(
            "a DICOM result cannot refer to a scan in several multi-frame files",
            path=first_path.parent,
            seen=f"{len(read)} files",
            expected="one multi-frame file, or one file a slice",
            remedy="Convert the series to one file a slice, or leave out the DICOM objects.",
        )
    _check_identifiers(read, list(dict.fromkeys(files)))
    identity = anonymous_identity() if anonymous else identity_of(read[0])
    if identity.unusable:
        raise InputError(
            "has a patient name or ID that cannot be copied to a DICOM result",
            path=first_path,
            seen=f"{', '.join(identity.unusable)} with characters, a length or a number of values that are not valid",
            expected="one value of at most 64 characters in the character set that the file names",
            remedy=_REMEDY,
        )
    headers = [anonymous_header(header) if anonymous else _reduced(header) for header in read]
    for element in identity.elements:
        headers[0].add(element)
    if affine_ras is not None and len(headers) == len(files):
        _place(headers, affine_ras)
    return SourceSeries(tuple(headers), identity)


def _read(path: Path) -> Dataset:
    try:
        return pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_READ))
    except (OSError, ValueError) as error:
        raise InputError(
            "can no longer be read", path=path, seen=error, remedy="Keep the slices in place while they are used."
        ) from error


def _check_identifiers(headers: Sequence[Dataset], paths: Sequence[Path]) -> None:
    for header, path in zip(headers, paths, strict=True):
        missing = [name for name in _IDENTIFIERS if not header.get(name)]
        if missing:
            raise InputError(
                "lacks identifiers that a DICOM result must refer to",
                path=path,
                seen=f"no {', '.join(missing)}",
                expected=", ".join(_IDENTIFIERS),
                remedy=_REMEDY,
            )
        invalid = [name for name in _IDENTIFIERS if not _is_uid(header[name].value)]
        if invalid:
            raise InputError(
                "has identifiers that are not valid, and that a DICOM result must refer to",
                path=path,
                seen=", ".join(invalid),
                expected="numbers with dots between them, no leading zeros, at most 64 characters",
                remedy=_REMEDY,
            )
    differing = [name for name in _SHARED if len({str(header[name].value) for header in headers}) > 1]
    if len({str(header.get("PatientID", "")) for header in headers}) > 1:
        differing.append("PatientID")
    if differing:
        raise InputError(
            "the slices do not belong to one patient, study, series and frame of reference, as those of a DICOM result "
            "must",
            path=paths[0].parent,
            seen=f"several values of {', '.join(differing)}",
            expected="one value in all slices",
            remedy=_REMEDY,
        )
    instances = {str(header.SOPInstanceUID) for header in headers}
    if len(instances) < len(headers):
        raise InputError(
            "slices have the same SOP Instance UID, so that a DICOM result cannot refer to each of them",
            path=paths[0].parent,
            seen=f"{counted(len(instances), 'SOP Instance UID')} in {len(headers)} files",
            expected="one for each",
            remedy=_REMEDY,
        )


def _is_uid(value: object) -> bool:
    text = str(value)
    return len(text) <= _LONGEST_UID and _UID.fullmatch(text) is not None


def _reduced(header: Dataset) -> Dataset:
    """The identifiers and geometry of a header."""
    reduced = Dataset()
    for keyword in (*_IDENTIFIERS, *_GEOMETRY):
        if keyword in header:
            reduced[keyword] = header[keyword]
    reduced.Modality = "CT"
    reduced.PositionReferenceIndicator = ""
    return reduced


def _place(headers: Sequence[Dataset], affine_ras: np.ndarray) -> None:
    """Set the positions of the slices to those of the evenly spaced grid of the scan."""
    lps = _RAS_TO_LPS @ np.asarray(affine_ras, np.float64)
    column_mm, row_mm = np.linalg.norm(lps[:3, 0]), np.linalg.norm(lps[:3, 1])
    for k, header in enumerate(headers):
        header.ImageOrientationPatient = [*(lps[:3, 0] / column_mm).tolist(), *(lps[:3, 1] / row_mm).tolist()]
        header.ImagePositionPatient = (lps @ [0, 0, k, 1])[:3].tolist()
        header.PixelSpacing = [float(row_mm), float(column_mm)]
        header.SliceThickness = float(np.linalg.norm(lps[:3, 2]))
