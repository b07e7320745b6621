"""Headers of the slices that results refer to, checked before anything is computed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pydicom
from pydicom import Dataset

from flarecli.counts import counted
from flarecli.dicom.elements import Elements
from flarecli.dicom.header import DamagedHeaderError
from flarecli.dicom.multi_frame import number_of_frames
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
_READ = [*_IDENTIFIERS, *TAKEN_OVER, "NumberOfFrames", "SpecificCharacterSet"]
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
_LONGEST_UID = 64
_REMEDY = "Export the series again from the archive, or leave out the DICOM objects."


@dataclass(frozen=True)
class ImageReference:
    """An image as results refer to it.

    Attributes:
        sop_class: UID of its class.
        sop_instance: UID of the object.
        frames: Numbers of the frames that are meant, from 1; empty where all are.
    """

    sop_class: str
    sop_instance: str
    frames: tuple[int, ...] = ()

    @property
    def item(self) -> Dataset:
        """The reference as an item of a sequence. Source: DICOM PS3.3 table 10-3."""
        item = Dataset()
        item.ReferencedSOPClassUID = self.sop_class
        item.ReferencedSOPInstanceUID = self.sop_instance
        if self.frames:
            item.ReferencedFrameNumber = list(self.frames)
        return item


@dataclass(frozen=True)
class SourceSeries:
    """A series as results refer to it.

    Attributes:
        headers: The identifiers of each file.
        frame_counts: The number of frames of each file.
        identity: Patient and study.
        slices: The image of each slice, in their order.
    """

    headers: tuple[Dataset, ...]
    frame_counts: tuple[int, ...]
    identity: Identity
    slices: tuple[ImageReference, ...]

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the identifiers of series and instances, by which a later run recognizes the series."""
        facts = [str(self.headers[0].SeriesInstanceUID), *sorted(str(header.SOPInstanceUID) for header in self.headers)]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()

    @cached_property
    def objects(self) -> tuple[ImageReference, ...]:
        """The images of all slices, each object once."""
        used: dict[str, set[int]] = {}
        for image in self.slices:
            used.setdefault(image.sop_instance, set()).update(image.frames)
        found = []
        for header, count in zip(self.headers, self.frame_counts, strict=True):
            frames = used[str(header.SOPInstanceUID)]
            is_whole = len(frames) in (0, count)
            numbers = () if is_whole else tuple(sorted(frames))
            found.append(ImageReference(str(header.SOPClassUID), str(header.SOPInstanceUID), numbers))
        return tuple(found)

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """What tells the slices from those of another series, and of another acquisition of the same series."""
        named = "\n".join(f"{image.sop_instance} {image.frames}" for image in self.slices)
        return str(self.headers[0].SeriesInstanceUID), hashlib.sha256(named.encode()).hexdigest()


def source_series(
    files: Sequence[Path], frames: Sequence[int] | None = None, *, anonymous: bool = False
) -> SourceSeries:
    """Read the headers of a series for its results.

    Args:
        files: The file of each slice, in their order; of a multi-frame file the same for all its frames.
        frames: The number of each slice within its file, from 0; None where every file is one slice, or where only its
            checksum is wanted.
        anonymous: Whether results are to name neither patient nor study: see `flarecli.dicom.results.anonymous`.

    Raises:
        InputError: when an identifier that a result must contain is missing, not valid or differs, when the slices are
            in several multi-frame files, or when a file can no longer be read.
    """
    paths = list(dict.fromkeys(files))
    read, counts = zip(*map(_read, paths), strict=True)
    if len(read) > 1 and max(counts) > 1:
        raise InputError(
            "a DICOM result cannot refer to a scan in several multi-frame files",
            path=paths[0].parent,
            seen=f"{len(read)} files",
            expected="one multi-frame file, or one file a slice",
            remedy="Convert the series to one file a slice, or leave out the DICOM objects.",
        )
    _check_identifiers(read, paths)
    identity = anonymous_identity() if anonymous else identity_of(read[0])
    if identity.unusable:
        raise InputError(
            "has a patient name or ID that cannot be copied to a DICOM result",
            path=paths[0],
            seen=f"{', '.join(identity.unusable)} with characters, a length or a number of values that are not valid",
            expected="one value of at most 64 characters in the character set that the file names",
            remedy=_REMEDY,
        )
    headers = [anonymous_header(header) if anonymous else _reduced(header) for header in read]
    by_path = dict(zip(paths, zip(headers, counts, strict=True), strict=True))
    slices = [_image(*by_path[path], frame) for path, frame in zip(files, frames or [0] * len(files), strict=True)]
    return SourceSeries(tuple(headers), counts, identity, tuple(slices))


def _image(header: Dataset, count: int, frame: int) -> ImageReference:
    """The image of a slice. Frames are numbered only where there are several. Source: DICOM PS3.3 table 10-3."""
    return ImageReference(str(header.SOPClassUID), str(header.SOPInstanceUID), (frame + 1,) if count > 1 else ())


def _read(path: Path) -> tuple[Dataset, int]:
    """The header of a file, and how many frames it has."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=list(_READ))
        return header, number_of_frames(Elements(header))
    except (OSError, ValueError, DamagedHeaderError) as error:
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
    """The identifiers of a header."""
    reduced = Dataset()
    for keyword in _IDENTIFIERS:
        setattr(reduced, keyword, header[keyword].value)
    return reduced
