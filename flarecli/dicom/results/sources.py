"""Headers of the slices that a label map was made from, as results need them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom import Dataset

from flarecli.errors import InputError

_NEEDED = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
)
"""What ties a result to its study and place; it cannot be made up."""

_MAY_BE_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Type 2: must be there, and may be empty. Source: DICOM PS3.3 §C.7.1.1 and §C.7.2.1."""


def source_headers(files: Sequence[Path]) -> list[Dataset]:
    """The headers of a series, without pixels: one a file, in the order given, of a multi-frame file one.

    Attributes of patient and study that a file lacks are empty.

    Raises:
        InputError: when a file lacks an identifier that a result must refer to, or cannot be read any more, and when
            the slices lie in several multi-frame files.
    """
    headers = []
    for path in dict.fromkeys(files):
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        except (OSError, ValueError) as error:
            raise InputError(
                "cannot be read any more", path=path, seen=error, remedy="Keep the slices in place while they are used."
            ) from error
        missing = [name for name in _NEEDED if not header.get(name)]
        if missing:
            raise InputError(
                "lacks identifiers that a DICOM result must refer to",
                path=path,
                seen=f"no {', '.join(missing)}",
                expected=", ".join(_NEEDED),
                remedy="Export the series again from the archive, or leave out the DICOM objects.",
            )
        for name in _MAY_BE_EMPTY:
            if name not in header:
                setattr(header, name, "")
        headers.append(header)
    if len(headers) > 1 and any(int(header.get("NumberOfFrames") or 1) > 1 for header in headers):
        raise InputError(
            "a DICOM result cannot refer to a scan in several multi-frame files",
            path=next(iter(files)).parent,
            seen=f"{len(headers)} files",
            expected="one multi-frame file, or one file a slice",
            remedy="Convert the series to one file a slice, or leave out the DICOM objects.",
        )
    return headers
