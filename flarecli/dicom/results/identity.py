"""Attributes of patient and study that results copy: only valid values, so that a valid object can be written."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydicom import DataElement, Dataset
from pydicom.charset import python_encoding
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as Items
from pydicom.valuerep import TM, validate_value

from flarecli.dicom.results.times import zone_of

MUST_MATCH = ("PatientName", "PatientID")
"""Archives identify patients by these: where they cannot be copied, no result is written."""

_MAY_BE_EMPTY = (
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Type 2: must be there, and may be empty. Source: DICOM PS3.3 §C.7.1.1 and §C.7.2.1."""

_MAY_BE_ABSENT = (
    "IssuerOfPatientID",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
    "StudyDescription",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "TimezoneOffsetFromUTC",
)

NEVER_ABSENT = (*MUST_MATCH, *_MAY_BE_EMPTY)
"""Attributes that every object has, empty ones too."""

EQUIPMENT = ("Manufacturer", "ManufacturerModelName")
"""Of the scanner, named as contributing equipment of segmentations and reports."""

TAKEN_OVER = (*MUST_MATCH, *_MAY_BE_EMPTY, *_MAY_BE_ABSENT, *EQUIPMENT)
"""Every attribute of patient, study and scanner that results copy."""

_SEVERAL_VALUES = ("DeidentificationMethod",)
_ENUMERATED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "PatientSex": frozenset("MFO"),
        "PatientIdentityRemoved": frozenset(("YES", "NO")),
        "LongitudinalTemporalInformationModified": frozenset(("UNMODIFIED", "MODIFIED", "REMOVED")),
    }
)
_OLD_DATE, _OLD_TIME = re.compile(r"(\d{4})\.(\d\d)\.(\d\d)"), re.compile(r"(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?")
_CODE = ("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning")
_UTF_8 = "ISO_IR 192"
_UNDECODABLE = "\ufffd"
_LONGEST_VALUE_BYTES = 0xFFFE
"""Of all values of an attribute together, in Explicit VR. Source: DICOM PS3.5 §7.1.2."""


@dataclass(frozen=True)
class Identity:
    """Patient and study as results name them.

    Attributes:
        elements: The attributes of `TAKEN_OVER` with their character set; type 2 ones are always there.
        unusable: Keywords of those that must match and cannot be copied.
        warnings: What was left empty or assumed, as sentences, without values.
    """

    elements: Dataset
    unusable: tuple[str, ...]
    warnings: tuple[str, ...]

    def complete(self, made: Dataset) -> None:
        """Put the attributes of patient and study that a result lacks into it."""
        for element in self.elements:
            if element.keyword not in EQUIPMENT and element.tag not in made:
                made.add(element)


def identity_of(header: Dataset) -> Identity:
    """The attributes of one header that results copy. Invalid values are left out."""
    elements, invalid = Dataset(), []
    for keyword in TAKEN_OVER:
        try:
            values = _values(header, keyword)
        except Exception:  # pydicom raises errors of many types on invalid values
            values = None
        if values is None:
            invalid.append(keyword)
        if values:
            elements.add(_element(keyword, values))
        elif keyword in NEVER_ABSENT:
            elements.add(_element(keyword, [""]))
    warnings = []
    if any(_has_letters(element) for element in elements):
        elements.SpecificCharacterSet = _UTF_8
        unknown = _unknown_character_set(header)
        if unknown is None:
            warnings.append("names contain letters beyond ASCII and no character set is stated: Latin 1 is assumed")
        elif unknown:
            invalid += _without_letters(elements)
    if _lacks_method(elements):
        del elements.PatientIdentityRemoved
        invalid.append("PatientIdentityRemoved")
    blanked = sorted(set(invalid) - set(MUST_MATCH))
    if blanked:
        named = ", ".join(blanked)
        warnings.append(f"not valid in the scan and left out of the DICOM results: {named}")
    return Identity(elements, tuple(keyword for keyword in MUST_MATCH if keyword in invalid), tuple(warnings))


def _values(header: Dataset, keyword: str) -> list[str] | list[Dataset] | None:
    """The values of an attribute in a valid form; none where it is missing, None where it is invalid."""
    if keyword not in header:
        return []
    value = header[keyword].value
    if value is None or value == "":
        return []
    if keyword == "DeidentificationMethodCodeSequence":
        return [_code(item) for item in value] or None
    if keyword not in _SEVERAL_VALUES and isinstance(value, MultiValue):
        return None
    texts = [_modern(keyword, str(part).strip(" \0")) for part in (value if isinstance(value, MultiValue) else [value])]
    if len("\\".join(texts).encode("utf-8", "replace")) > _LONGEST_VALUE_BYTES:
        return None
    return texts if all(_is_valid(keyword, text) for text in texts) else None


def _modern(keyword: str, text: str) -> str:
    """Dates and times of ACR-NEMA, which DICOM deprecates, in today's format. Source: PS3.5 §6.2."""
    vr = dictionary_VR(keyword)
    if vr == "DA" and (date := _OLD_DATE.fullmatch(text)):
        return "".join(date.groups())
    if vr == "TM" and (time := _OLD_TIME.fullmatch(text)):
        return "".join(part or "" for part in time.groups())
    return text


def _is_valid(keyword: str, text: str) -> bool:
    vr = dictionary_VR(keyword)
    if not text:
        return True
    if not _is_readable(text):
        return False
    if keyword in _ENUMERATED and text not in _ENUMERATED[keyword]:
        return False
    if keyword == "TimezoneOffsetFromUTC":
        zone_of(text)
    validate_value(vr, text, RAISE)
    if vr == "PN" and (text.count("=") > 2 or any(group.count("^") > 4 for group in text.split("="))):
        return False  # three component groups of five components. Source: PS3.5 §6.2.1.1
    if vr == "DA":
        datetime.datetime.strptime(text, "%Y%m%d")
    if vr == "TM":
        TM(text)
    return True


def _is_readable(text: str) -> bool:
    return _UNDECODABLE not in text and all(letter.isprintable() for letter in text)


def _code(item: Dataset) -> Dataset:
    code = Dataset()
    for keyword in _CODE:
        if text := str(item.get(keyword, "")):
            if not _is_readable(text):
                raise ValueError("a code with characters that are not valid")
            validate_value(dictionary_VR(keyword), text, RAISE)
            setattr(code, keyword, text)
    if not all(keyword in code for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")):
        raise ValueError("an incomplete code")
    return code


def _element(keyword: str, values: list[str] | list[Dataset]) -> DataElement:
    vr = dictionary_VR(keyword)
    if vr == "SQ":
        return DataElement(keyword, vr, Items(values))
    return DataElement(keyword, vr, values[0] if len(values) == 1 else values)


def _lacks_method(elements: Dataset) -> bool:
    """Whether Patient Identity Removed is YES without a de-identification method (type 1C). Source: PS3.3 §C.7.1.1."""
    has_method = "DeidentificationMethod" in elements or "DeidentificationMethodCodeSequence" in elements
    return elements.get("PatientIdentityRemoved") == "YES" and not has_method


def _has_letters(element: DataElement) -> bool:
    """Whether a value, or one of an item of a sequence, has letters beyond ASCII."""
    if element.VR == "SQ":
        return any(_has_letters(part) for item in element.value for part in item)
    return not str(element.value).isascii()


def _without_letters(elements: Dataset) -> list[str]:
    """Drop values with letters beyond ASCII, whose character set is not known; returns the keywords.

    What must not be absent is left empty.
    """
    found = [element for element in elements if _has_letters(element)]
    for element in found:
        if element.keyword in NEVER_ABSENT:
            element.value = ""
        else:
            del elements[element.tag]
    return [element.keyword for element in found]


def _unknown_character_set(header: Dataset) -> bool | None:
    """Whether the stated character set is not defined by DICOM; None where none is stated."""
    said = header.get("SpecificCharacterSet")
    names = [str(name) for name in (said if isinstance(said, MultiValue | list) else [said]) if name]
    if not names:
        return None
    return any(name not in python_encoding for name in names)
