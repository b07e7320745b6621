"""The series of a collection, identified from headers alone: which are scans, and why the others are left out."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from flarecli.counts import counted
from flarecli.dicom import tags
from flarecli.dicom.collection.acquisitions import acquisitions_of, has_extent, without_copies
from flarecli.dicom.collection.description import Description, description_of
from flarecli.dicom.collection.gathering import Gathered, Key, gathered
from flarecli.dicom.collection.holders import Holder
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.dicom.inventory import left_out
from flarecli.dicom.slices import Slice
from flarecli.errors import InputError
from flarecli.remarks import Remark

_DIGEST = 10  # hexadecimal digits
_NAMED = 5
_LISTED = 50  # series that a message lists
_REFORMATTED = "reformatted or Secondary Capture; the study has original slices"


@dataclass(frozen=True)
class CataloguedSeries:
    """A series of CT slices, or one acquisition of a series that holds several.

    Attributes:
        files: Its files.
        uid: Series Instance UID; empty where it has none.
        number: Series Number; empty where it has none.
        acquisition: Number of the acquisition within its series, from 1; 0 where it is the only one.
        description: What it is.
        reason: Why it is left out; empty where it is a scan.
    """

    files: SeriesFiles
    uid: str
    number: str
    acquisition: int
    description: Description
    reason: str = ""

    @property
    def name(self) -> str:
        """See `SeriesFiles`."""
        return self.files.name

    @property
    def problem(self) -> InputError | None:
        """See `SeriesFiles`."""
        return self.files.problem

    @property
    def line(self) -> Remark:
        """One line of a list."""
        why = f"; left out: {self.reason}" if self.reason else ""
        return Remark(f"{self.name}: {self.description}{why}", f"{self.name}: {self.description.anonymous}{why}")


@dataclass(frozen=True)
class Catalogue:
    """What a collection holds.

    Attributes:
        path: The folder, archive, or folder of the DICOMDIR.
        series: All series of CT slices, in the order of their files.
        left_out: Other objects and files, counted, in one phrase; empty where there are none.
        copies: Number of duplicate slices.
        missing: Files that a DICOMDIR names and that are not there, of series of which nothing is there.
        holds_dicom: Whether any file is DICOM.
    """

    path: Path
    series: tuple[CataloguedSeries, ...]
    left_out: Remark
    copies: int = 0
    missing: tuple[str, ...] = ()
    holds_dicom: bool = True

    @property
    def scans(self) -> tuple[CataloguedSeries, ...]:
        """Those that can be segmented."""
        return tuple(entry for entry in self.series if not entry.reason)

    def listing(self) -> Remark:
        """All series with the reasons why some are left out, and what else there is."""
        parts = [entry.line for entry in self.series[:_LISTED]]
        if len(self.series) > _LISTED:
            more = f"and {len(self.series) - _LISTED} more series"
            parts.append(Remark(more, more))
        if self.left_out:
            parts.append(self.left_out)
        return Remark("; ".join(parts) or "nothing", "; ".join(part.anonymous for part in parts) or "nothing")

    def warnings(self) -> tuple[Remark, ...]:
        """Warnings of what is not used."""
        found = []
        reasons = [entry for entry in self.series if entry.reason]
        parts = [entry.line for entry in reasons[:_NAMED]]
        if len(reasons) > _NAMED:
            counts = Counter(entry.reason for entry in reasons[_NAMED:])
            more = "; ".join(f"{count} more series: {reason}" for reason, count in counts.items())
            parts.append(Remark(more, more))
        if self.left_out:
            parts.append(self.left_out)
        if parts:
            texts = "; ".join(parts), "; ".join(part.anonymous for part in parts)
            found.append(Remark(*(f"left out: {text}" for text in texts)))
        if self.copies:
            text = counted(self.copies, "duplicate slice was left out", "duplicate slices were left out")
            found.append(Remark(text, text))
        if self.missing:
            count = counted(
                len(self.missing),
                "file that the DICOMDIR names is missing",
                "files that the DICOMDIR names are missing",
            )
            listed = ", ".join(self.missing[:_NAMED]) + (", …" if len(self.missing) > _NAMED else "")
            found.append(Remark(f"{count}: {listed}", count))
        return tuple(found)


def catalogue(holder: Holder, *, is_archived: bool) -> Catalogue:
    """Read the headers of all files of a collection.

    Raises:
        InputError: when an archive cannot be read.
        InstallationError: when pydicom is not installed.
    """
    found = gathered(holder, is_archived=is_archived)
    doubtful = found.doubtful_files()
    best = _best_ranks(found)
    series = [
        entry
        for key, parts in found.groups.items()
        for entry in _entries(holder, key, parts, found, doubtful, best, is_archived=is_archived)
    ]
    there = {entry.uid for entry in series}
    missing = [name for uid, names in found.missing.items() if uid not in there for name in names]
    said = left_out(found.kinds, found.others)
    counted = Counter(kind for kind, _ in found.kinds) + Counter(
        {kind.partition(" (")[0]: len(names) for kind, names in found.others.items()}
    )
    without = "; ".join(f"{count} × {kind}" for kind, count in counted.items())
    holds_dicom = bool(series or found.kinds or missing or any(is_dicom for _, _, is_dicom in found.unusable))
    return Catalogue(holder.path, tuple(series), Remark(said, without), found.copies, tuple(missing), holds_dicom)


_Study = tuple[str, ...]
"""What tells studies apart."""


def _study_of(key: Key, found: Gathered) -> _Study:
    """The study of slices: that of their UID; without one, all in the same coordinates of one patient, or their series
    alone."""
    if key[0]:
        return (key[0],)
    elements = found.facts[key]
    named = elements.text(tags.PATIENT_ID), elements.text(tags.FRAME_OF_REFERENCE)
    return ("", *named) if all(named) else ("", key[1])


def _best_ranks(found: Gathered) -> dict[_Study, int]:
    """The rank of the most original slices of each study."""
    best: dict[_Study, int] = {}
    for key, parts in found.groups.items():
        if has_extent([slice_ for _, slice_ in parts]):
            study = _study_of(key, found)
            best[study] = min(key[2], best.get(study, key[2]))
    return best


def _entries(
    holder: Holder,
    key: Key,
    parts: list[tuple[str, Slice]],
    found: Gathered,
    doubtful: dict[str, list[str]],
    best: dict[_Study, int],
    *,
    is_archived: bool,
) -> Iterator[CataloguedSeries]:
    """One series as one entry, or as one for each of its acquisitions."""
    study, uid, rank = key
    elements = found.facts[key]
    folders = {PurePosixPath(name).parent.as_posix() for name, _ in parts}
    in_doubt = [name for folder in folders for name in doubtful.get(folder, [])]
    warnings: tuple[str, ...] = ()
    if in_doubt and any(_shares_folder(found, other, folders) for other in found.groups if other != key):
        text = counted(
            len(in_doubt),
            "file of its folder is damaged, and may belong to it",
            "files of its folder are damaged, and may belong to it",
        )
        warnings = (Remark(f"{text}: {', '.join(PurePosixPath(name).name for name in in_doubt[:_NAMED])}", text),)
        in_doubt = []
    missing = tuple(found.missing.get(elements.text(tags.SERIES_UID), ()))
    number = elements.text(tags.SERIES_NUMBER)
    stem = _handle(study, uid, rank, number, parts, has_uid=bool(elements.text(tags.SERIES_UID)))
    name_of = {id(slice_): name for name, slice_ in parts}
    unlike = without_copies([slice_ for _, slice_ in parts], name_of, holder)
    found.copies += len(parts) - len(unlike)
    acquisitions = list(acquisitions_of(unlike))
    for index, (label, slices, reason) in enumerate(acquisitions, 1):
        several = len(acquisitions) > 1
        files, frames = _files_and_frames(slices, name_of, parts, several=several)
        files += tuple(sorted(in_doubt))
        if not reason:
            reason = _why_left_out(slices, rank, best.get(_study_of(key, found), rank))
        yield CataloguedSeries(
            SeriesFiles(
                holder.path, f"{stem}_{index}" if several else stem, files, frames, is_archived, warnings, missing
            ),
            elements.text(tags.SERIES_UID),
            number,
            index if several else 0,
            description_of(elements, slices, label),
            reason,
        )


def _shares_folder(found: Gathered, key: Key, folders: set[str]) -> bool:
    return any(PurePosixPath(name).parent.as_posix() in folders for name, _ in found.groups[key])


def _files_and_frames(
    slices: Sequence[Slice], name_of: dict[int, str], parts: list[tuple[str, Slice]], *, several: bool
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """The files of slices, sorted, and which frames of each, where they are not all."""
    by_file: dict[str, list[int]] = {}
    for slice_ in slices:
        by_file.setdefault(name_of[id(slice_)], []).append(slice_.frame)
    files = tuple(sorted(by_file))
    all_of = Counter(name for name, _ in parts)
    frames = tuple(tuple(sorted(by_file[name])) if len(by_file[name]) < all_of[name] else () for name in files)
    return files, frames if several and any(frames) else ()


def _why_left_out(slices: Sequence[Slice], rank: int, best: int) -> str:
    if len(slices) < 2:
        return "a single slice"
    if not has_extent(slices):
        return "all slices at one position (bolus tracking)"
    return _REFORMATTED if rank > best else ""


def _handle(study: str, uid: str, rank: int, number: str, parts: list[tuple[str, Slice]], *, has_uid: bool) -> str:
    """A name without patient data, which does not depend on where the series is stored."""
    facts = [study, uid if has_uid else "", str(rank)]
    if not has_uid:
        facts += sorted(str(slice_.values.get(tags.POSITION)) for _, slice_ in parts)
    digest = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:_DIGEST]
    digits = re.sub(r"\D", "", number)[:9]
    return f"series_{digits}_{digest}" if digits else f"series_{digest}"
