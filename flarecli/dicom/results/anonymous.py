"""Headers of a series without identifiers of patient and study, for results that are to be shared.

Only the SOP class is kept. UIDs are replaced by others that depend on them alone, so that results of one
scan still refer to one another. Source: DICOM PS3.15 annex E, basic profile.
"""

from __future__ import annotations

from pydicom import Dataset

from flarecli.dicom.results.identity import NEVER_ABSENT, Identity
from flarecli.dicom.results.origin import repeatable_uid

_IDENTIFIERS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_METHOD = "flare --anonymous"


def anonymous_header(header: Dataset) -> Dataset:
    """The class of a slice or multi-frame object, with other identifiers."""
    made = Dataset()
    made.SOPClassUID = header.SOPClassUID
    for keyword in _IDENTIFIERS:
        setattr(made, keyword, repeatable_uid("anonymous", str(header[keyword].value)))
    return made


def anonymous_identity() -> Identity:
    """A patient and a study without names, numbers and dates."""
    elements = Dataset()
    for keyword in NEVER_ABSENT:
        setattr(elements, keyword, "")
    elements.PatientIdentityRemoved = "YES"
    elements.DeidentificationMethod = _METHOD
    return Identity(elements, (), ())
