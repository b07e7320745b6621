"""One pass over the files of a collection: slices by series, other objects and other files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

from flarecli.dicom import tags
from flarecli.dicom.collection.detection import ARCHIVE_MARKS
from flarecli.dicom.collection.directory import missing_by_series, references_of
from flarecli.dicom.collection.holders import Holder
from flarecli.dicom.collection.stored_pixels import PixelComparison
from flarecli.dicom.copies import EQUAL_VALUES
from flarecli.dicom.elements import Elements, Numbers
from flarecli.dicom.header import DamagedHeaderError, Header, header_in
from flarecli.dicom.inventory import is_named_like_slices, name_pattern, objects_of
from flarecli.dicom.objects import MEDIA_DIRECTORY, DicomObject
from flarecli.dicom.plain_header import PlainElement, PlainElements
from flarecli.dicom.slices import Slice
from flarecli.errors import InputError

_KEPT_VALUES = (tags.POSITION, *EQUAL_VALUES)
"""Values that are kept of each slice besides its distinguishing attributes."""

_THREADS = 4  # network drives have a high latency; parsing takes a quarter of a millisecond a slice
_AT_A_TIME = 256

Key = tuple[str, str, int]
"""Study UID, series UID or folder, rank."""


@dataclass
class Gathered:
    """The slices, objects and files of a collection.

    Attributes:
        groups: Name of the file and slice, by study UID, series UID (the folder where there is none) and rank.
        facts: The elements of one file of each group.
        kinds: Kind and series description of objects that are not slices.
        others: Names of files that are not DICOM, by kind.
        unusable: Name, problem, and whether it is certainly DICOM, of files that cannot be used.
        copies: Number of duplicate slices.
        missing: Files that a DICOMDIR names and that are not there, by the UID of their series.
        seen: Indices in their group of the slices of one SOP instance at one position: several where their pixels
            differ.
        damaged: Names of files of slices that are damaged.
        values: Values of slices, each once, to save memory.
    """

    groups: dict[tuple[str, str, int], list[tuple[str, Slice]]] = field(default_factory=dict)
    facts: dict[tuple[str, str, int], Elements] = field(default_factory=dict)
    kinds: list[tuple[str, str]] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)
    unusable: list[tuple[str, str, bool]] = field(default_factory=list)
    copies: int = 0
    missing: dict[str, list[str]] = field(default_factory=dict)
    seen: dict[tuple[object, ...], list[int]] = field(default_factory=dict, repr=False)
    damaged: set[str] = field(default_factory=set, repr=False)
    values: dict[Numbers, Numbers] = field(default_factory=dict, repr=False)

    def add_other(self, kind: str, name: str) -> None:
        self.others.setdefault(kind, []).append(PurePosixPath(name).name)

    def doubtful_files(self) -> dict[str, list[str]]:
        """Files that cannot be read and may be slices, by their folder; the rest is added to `others`."""
        patterns: dict[str, set[str]] = {}
        for parts in self.groups.values():
            for name, _ in parts:
                place = PurePosixPath(name)
                patterns.setdefault(place.parent.as_posix(), set()).add(name_pattern(Path(place.name)))
        doubtful: dict[str, list[str]] = {}
        for name, problem, is_dicom in self.unusable:
            place = PurePosixPath(name)
            folder = place.parent.as_posix()
            if folder in patterns and (is_dicom or is_named_like_slices(Path(place.name), patterns[folder])):
                doubtful.setdefault(folder, []).append(name)
            else:
                kind = "damaged DICOM file" if is_dicom else "file that is not DICOM"
                self.add_other(f"{kind} ({problem})", name)
        return doubtful


def gathered(holder: Holder, *, is_archived: bool) -> Gathered:
    """Read the headers of all files of a collection.

    Raises:
        InputError: when an archive cannot be read.
        InstallationError: when pydicom is not installed.
    """
    found = Gathered(others={kind: list(names) for kind, names in holder.others.items()})
    comparison = PixelComparison(holder)
    for name, looked_at in _looked_through(holder, is_archived=is_archived):
        if isinstance(looked_at, _Unusable):
            found.unusable.append((name, looked_at.problem, looked_at.is_dicom))
        elif [entry.kind for entry in looked_at] == [MEDIA_DIRECTORY]:
            try:
                _check_references(holder, name, found)
            except DamagedHeaderError as error:
                found.unusable.append((name, str(error), True))
        else:
            for entry in looked_at:
                _enter_object(entry, name, found, comparison)
    return found


@dataclass(frozen=True)
class _Unusable:
    """Why a file cannot be used, and whether it is certainly DICOM."""

    problem: str
    is_dicom: bool


def _looked_through(holder: Holder, *, is_archived: bool) -> Iterator[tuple[str, Sequence[DicomObject] | _Unusable]]:
    """Each file with its objects; files of a folder are read by several threads."""
    look = partial(_looked_at, holder, is_archived=is_archived)
    if is_archived:
        yield from ((name, look(name)) for name in holder.names)
        return
    with ThreadPoolExecutor(_THREADS, "flare-headers") as threads:
        for start in range(0, len(holder.names), _AT_A_TIME):
            names = holder.names[start : start + _AT_A_TIME]
            yield from zip(names, threads.map(look, names), strict=True)


def _looked_at(holder: Holder, name: str, *, is_archived: bool) -> Sequence[DicomObject] | _Unusable:
    try:
        with holder.opened(name) as (file, size):
            header = header_in(file, holder.path / name, size)
        if header is None:
            return _Unusable(_why_not_dicom(holder, name, size), is_dicom=False)
        return objects_of(header, pixels=not is_archived)
    except DamagedHeaderError as error:
        return _Unusable(str(error), is_dicom=True)
    except InputError as error:
        return _Unusable(error.seen or error.problem, is_dicom=False)


def _why_not_dicom(holder: Holder, name: str, size: int) -> str:
    if size == 0:
        return "empty"
    with holder.opened(name) as (file, _):
        is_archive = file.read(len(ARCHIVE_MARKS[0])) in ARCHIVE_MARKS
    return (
        "an archive, which is not searched: unpack it, or give it by itself"
        if is_archive
        else "does not begin as DICOM does"
    )


def _check_references(holder: Holder, name: str, found: Gathered) -> None:
    references = references_of(holder, name)
    if not any(reference.name for reference in references) and len(holder.names) > 1:
        found.add_other("DICOMDIR of other files", name)
        return
    for uid, files in missing_by_series(references).items():
        found.missing.setdefault(uid, []).extend(files)


def _enter_object(entry: DicomObject, name: str, found: Gathered, comparison: PixelComparison) -> None:
    elements = entry.header.elements
    if entry.kind:
        found.kinds.append((entry.kind, elements.shown(tags.SERIES_DESCRIPTION)))
        return
    key = (elements.text(tags.STUDY_UID), entry.series_uid or PurePosixPath(name).parent.as_posix(), entry.rank)
    found.facts.setdefault(key, elements)
    group = found.groups.setdefault(key, [])
    if entry.problem:
        found.damaged.add(name)
    if not entry.slices:  # damaged: its series is refused because of it
        group.append((name, _nowhere(entry.header)))
    uid = elements.text(tags.SOP_INSTANCE)
    light_header = _light_header(entry.header)
    for slice_ in entry.slices:
        identity = (*key, uid, slice_.frame, slice_.values.get(tags.POSITION))
        places = found.seen.setdefault(identity, []) if uid else []
        for index in places:
            chosen = _copy_to_keep(group[index][0], name, found, comparison)
            if chosen is not None:
                found.copies += 1
                if chosen == name:
                    group[index] = name, _light(slice_, light_header, found)
                break
        else:
            places.append(len(group))
            group.append((name, _light(slice_, light_header, found)))


def _copy_to_keep(kept: str, name: str, found: Gathered, comparison: PixelComparison) -> str | None:
    """The complete one of two files of one SOP instance, the first where both are; None where they differ."""
    if name in found.damaged:
        return kept
    if kept in found.damaged:
        return name
    if comparison.of(kept).are_whole != comparison.of(name).are_whole:
        return name if comparison.of(name).are_whole else kept
    return kept if comparison.are_copies(kept, name) else None


def _light_header(header: Header) -> Header:
    """A header reduced to what the position of the pixels depends on, to save memory."""
    frames = header.elements.text(tags.NUMBER_OF_FRAMES)
    kept = PlainElements({tags.NUMBER_OF_FRAMES: PlainElement(frames.encode())} if frames else {})
    return Header(header.path, Elements(kept), header.syntax, header.pixels, header.size)


def _light(slice_: Slice, header: Header, found: Gathered) -> Slice:
    """A slice reduced to what distinguishes acquisitions and duplicates, to save memory."""
    read = {tag: slice_.values.get(tag) for tag in _KEPT_VALUES}
    values = {tag: found.values.setdefault(value, value) for tag, value in read.items()}
    attributes = {tag: sys.intern(text) for tag, text in slice_.attributes.items()}
    return replace(slice_, header=header, values=values, attributes=attributes)


def _nowhere(header: Header) -> Slice:
    return Slice(Header(header.path, Elements({}), "", None, 0), 0, {}, "", "", {}, None)
