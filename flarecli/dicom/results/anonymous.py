"""Headers of a series without identifiers of patient and study, for results that are to be shared.

Only geometry and SOP class are kept. UIDs are replaced by others that depend on them alone, so that results of one
scan still refer to one another. Source: DICOM PS3.15 annex E, basic profile.
"""

from __future__ import annotations

from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence as Items

from flarecli.dicom.results.identity import NEVER_ABSENT, Identity
from flarecli.dicom.results.origin import repeatable_uid

_IDENTIFIERS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_KEPT = (
    *("SOPClassUID", "Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("SliceThickness", "NumberOfFrames"),
)
_KEPT_OF_FRAMES = {
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PlanePositionSequence": ("ImagePositionPatient",),
    "FrameContentSequence": ("InStackPositionNumber", "DimensionIndexValues"),
}
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_METHOD = "flare --anonymous"


def anonymous_header(header: Dataset) -> Dataset:
    """Identifiers and geometry of a slice or multi-frame object, with other identifiers."""
    made = _only(header, _KEPT)
    for keyword in _IDENTIFIERS:
        setattr(made, keyword, repeatable_uid("anonymous", str(header[keyword].value)))
    for keyword in _GROUPS:
        if keyword in header:
            setattr(made, keyword, Items([_frame(item) for item in header[keyword].value]))
    made.Modality = "CT"
    made.PositionReferenceIndicator = ""
    return made


def anonymous_identity() -> Identity:
    """A patient and a study without names, numbers and dates."""
    elements = Dataset()
    for keyword in NEVER_ABSENT:
        setattr(elements, keyword, "")
    elements.PatientIdentityRemoved = "YES"
    elements.DeidentificationMethod = _METHOD
    return Identity(elements, (), ())


def _frame(groups: Dataset) -> Dataset:
    made = Dataset()
    for keyword, kept in _KEPT_OF_FRAMES.items():
        if keyword in groups:
            setattr(made, keyword, Items([_only(item, kept) for item in groups[keyword].value]))
    return made


def _only(dataset: Dataset, keywords: tuple[str, ...]) -> Dataset:
    made = Dataset()
    for keyword in keywords:
        if keyword in dataset:
            element = dataset[keyword]
            made.add(DataElement(element.tag, element.VR, element.value))
    return made
