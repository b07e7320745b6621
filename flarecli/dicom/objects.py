"""What a DICOM file contains: slices of a CT scan, or another object, which is named and left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flarecli.dicom import tags
from flarecli.dicom.header import Header
from flarecli.dicom.packages import pydicom_uids
from flarecli.dicom.slices import Slice

MEDIA_DIRECTORY = "DICOMDIR"
"""Kind of the object that lists the files of a medium."""

_PICTURES = {"SCREEN SAVE", "SCREENSAVE", "DOSE", "DOSE_INFO", "REPORT", "PROTOCOL"}
_PROJECTIONS = {"MIP", "MINIP", "MNIP", "MAXIMUM", "MINIMUM", "PROJECTION IMAGE", "VOLREN", "VRT", "VOLUME RENDERING"}
_REFORMATTED = {"MPR", "MPR_THICK", "REFORMATTED", "CSA MPR", "CPR", "CURVED"}


@dataclass(frozen=True)
class DicomObject:
    """One DICOM file.

    Attributes:
        header: What it says before its pixels.
        kind: Name of an object that is not part of a CT scan, for messages; empty for slices.
        rank: Of slices: 0 for original ones, 1 for reformatted ones, 2 for slices stored as Secondary Capture.
        slices: Its slices; none where it is another object.
        problem: What is damaged; empty where nothing is.
    """

    header: Header
    kind: str
    rank: int
    slices: tuple[Slice, ...]
    problem: str

    @property
    def path(self) -> Path:
        """The file."""
        return self.header.path

    @property
    def series_uid(self) -> str:
        """UID of its series; empty where it has none."""
        return self.header.elements.text(tags.SERIES_UID)


def kind_of(header: Header, image_type: str) -> tuple[str, int]:
    """Name of an object that is not a CT slice (empty for slices), and the rank of its slices."""
    elements = header.elements
    sop_class, modality = header.sop_class, elements.text(tags.MODALITY).upper()
    if not sop_class:
        sop_class = tags.CT_IMAGE if modality == "CT" else ""
    words = {word.strip().upper() for word in image_type.split("\\")}
    if sop_class == tags.MEDIA_DIRECTORY:
        return MEDIA_DIRECTORY, 0
    is_capture = sop_class.startswith(tags.SECONDARY_CAPTURE)
    if sop_class not in tags.CT_CLASSES and not (is_capture and modality == "CT" and _lies_somewhere(header)):
        return _class_name(header, sop_class, modality), 0
    if modality not in ("CT", ""):
        return f"image of modality {modality}", 0
    if words & _PICTURES:
        return "screen capture or report image", 0
    if "LOCALIZER" in words or "SCOUT" in words:
        return "localizer", 0
    if words & _PROJECTIONS:
        return "projection or rendering", 0
    if is_capture:
        return "", 2
    return "", int(bool(words & _REFORMATTED))


def _lies_somewhere(header: Header) -> bool:
    """Whether a captured image has the position, spacing and rescale slope of a slice."""
    needed = (tags.POSITION, tags.ORIENTATION, tags.PIXEL_SPACING, tags.SLOPE)
    return all(header.elements.text(tag) for tag in needed)


def _class_name(header: Header, sop_class: str, modality: str) -> str:
    if not sop_class:
        return f"object of modality {modality or 'unknown'}"
    name = pydicom_uids(header.path).UID(sop_class).name
    if name == sop_class:  # a private class
        return f"private object of modality {modality or 'unknown'}"
    return name.removesuffix(" Storage")
