"""Names of cases from header values by a pattern such as `{PatientID}_{SeriesNumber}`."""

from __future__ import annotations

import hashlib
import io
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from flarecli.dicom.collection.archive import archive_files
from flarecli.dicom.collection.catalogue import CataloguedSeries
from flarecli.dicom.collection.holders import FolderFiles, Holder
from flarecli.dicom.packages import pydicom_reader, without_validation
from flarecli.errors import InputError, UsageError

_OWN: dict[str, Callable[[CataloguedSeries], str]] = {
    "Name": lambda entry: entry.name,
    "Acquisition": lambda entry: str(entry.acquisition or 1),
}
_HARMLESS = ("SeriesNumber", "AcquisitionNumber", "Modality", "SliceThickness")
_OF_PATIENT = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge"),
    *("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription", "AccessionNumber"),
    *("SeriesInstanceUID", "SeriesDate", "SeriesTime", "SeriesDescription", "AcquisitionDate", "AcquisitionTime"),
    *("ConvolutionKernel", "ContrastBolusAgent", "ProtocolName", "BodyPartExamined", "Manufacturer"),
    *("ManufacturerModelName", "StationName", "InstitutionName", "FrameOfReferenceUID"),
)
FIELDS = (*_OWN, *_HARMLESS, *_OF_PATIENT)
"""The fields of a pattern: `Name` (the default name), `Acquisition`, and attributes by their DICOM keywords."""

_ANONYMOUS_FIELDS = (*_OWN, *_HARMLESS)
_MISSING = "unknown"
_LONGEST_BYTES = 160
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{name}{digit}" for name in ("COM", "LPT") for digit in range(1, 10))}
_MOST_HEADER_BYTES = 1 << 22


def check_pattern(pattern: str, *, anonymous: bool = False) -> tuple[str, ...]:
    """The fields that a pattern names.

    Raises:
        UsageError: when it has no field or an unknown one, is not a valid pattern or contains a separator; with
            `anonymous` also when a field may identify a patient.
    """
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise _no_pattern(pattern, str(error)) from error
    fields = tuple(name for _, name, _, _ in parts if name is not None)
    unknown = [name for name in fields if name not in FIELDS]
    if unknown or any(form or conversion for _, _, form, conversion in parts):
        raise _no_pattern(pattern, f"{{{unknown[0]}}}" if unknown else pattern)
    if not fields or any(sign in literal for literal, _, _, _ in parts for sign in "/\\"):
        raise _no_pattern(pattern, pattern)
    identifying = [name for name in fields if name not in _ANONYMOUS_FIELDS]
    if anonymous and identifying:
        raise UsageError(
            "names of cases would contain what may identify a patient",
            seen=f"--anonymous and --name with {{{identifying[0]}}}",
            expected=f"fields among {', '.join(_ANONYMOUS_FIELDS)}",
            remedy="Leave one of the options out, or choose other fields.",
        )
    return fields


def case_names(entries: Sequence[CataloguedSeries], pattern: str | None) -> list[str]:
    """A name for each series, unique also on file systems that ignore letter case.

    Args:
        entries: Series of one collection.
        pattern: As `check_pattern` takes it; None for the names of the series, which contain no patient data.

    Raises:
        UsageError: when the pattern is not valid.
        InputError: when a file cannot be read any more.
    """
    if pattern is None or not entries:
        return _without_clashes([entry.name for entry in entries], entries)
    fields = check_pattern(pattern)
    if not set(fields) - set(_OWN):
        facts = [_own(entry) for entry in entries]
    elif entries[0].files.is_archived:
        with archive_files(entries[0].files.source) as archive:
            facts = [_facts(entry, archive, fields) for entry in entries]
    else:
        folder = FolderFiles(entries[0].files.source, (), {})
        facts = [_facts(entry, folder, fields) for entry in entries]
    return _without_clashes([safe_name(pattern.format(**fact)) for fact in facts], entries)


def safe_name(text: str) -> str:
    """A text as a file name that is valid on Linux, macOS and Windows: letters, digits, `_`, `-` and `.` are kept."""
    name = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", text)).strip("._-")
    while len(name.encode()) > _LONGEST_BYTES:
        name = name[:-1]
    name = name.rstrip("._-")
    return f"_{name}" if name.split(".")[0].upper() in _DEVICES else name or _MISSING


def _own(entry: CataloguedSeries) -> dict[str, str]:
    return {name: value(entry) for name, value in _OWN.items()}


def _facts(entry: CataloguedSeries, holder: Holder, fields: Sequence[str]) -> dict[str, str]:
    """The values of the fields in the first file of a series."""
    reader = pydicom_reader(holder.path)
    wanted = [name for name in fields if name not in _OWN]
    try:
        with holder.opened(entry.files.files[0]) as (file, _):
            content = file.read(_MOST_HEADER_BYTES)
        with without_validation(holder.path):
            dataset = reader.dcmread(
                io.BytesIO(content),
                stop_before_pixels=True,
                force=True,
                specific_tags=["SpecificCharacterSet", *wanted],
            )
            return {**_own(entry), **{name: _value(dataset, name) for name in wanted}}
    except InputError:
        raise
    except Exception as error:  # pydicom raises errors of many types
        raise InputError(
            "the header of a series cannot be read for its name",
            path=holder.path,
            seen=type(error).__name__,
            remedy="Leave --name out: then cases are named without the headers.",
        ) from error


def _value(dataset: Any, name: str) -> str:
    value = dataset.get(name)
    text = "" if value is None else "_".join(map(str, value)) if _is_list(value) else str(value)
    return safe_name(text) if text.strip(" ^\0") else _MISSING


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _without_clashes(names: list[str], entries: Sequence[CataloguedSeries]) -> list[str]:
    """Unique names; those of several series get a part of the checksum of their series."""
    counts = Counter(name.casefold() for name in names)
    taken: set[str] = set()
    result = []
    for name, entry in zip(names, entries, strict=True):
        unique = (
            name if counts[name.casefold()] == 1 else f"{name}_{hashlib.sha256(entry.name.encode()).hexdigest()[:8]}"
        )
        number = 1
        while unique.casefold() in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique.casefold())
        result.append(unique)
    return result


def _no_pattern(pattern: str, seen: str) -> UsageError:
    return UsageError(
        "the pattern of case names is not understood",
        seen=seen,
        expected=f"text with fields in braces, without / and \\: {', '.join(FIELDS)}",
        remedy="Correct it, for example --name '{PatientID}_{SeriesNumber}'.",
    )
