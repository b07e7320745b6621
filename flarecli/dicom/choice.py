"""Which series of a folder is the scan, and which acquisition of a series."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flarecli.counts import counted
from flarecli.dicom import tags
from flarecli.dicom.elements import printable
from flarecli.dicom.objects import DicomObject
from flarecli.dicom.several import CHOOSE_SERIES, SeveralSeriesError
from flarecli.dicom.slices import ATTRIBUTES, CONFIDENTIAL_ATTRIBUTES, Slice, attribute_name
from flarecli.dicom.stack import Stack, stacked
from flarecli.errors import InputError
from flarecli.remarks import Remark

SMALL_SHARE = 1 / 3
"""Of the slices of a complete acquisition; a smaller one beside it is bolus tracking or a test injection."""

_OF_ACQUISITIONS = (
    *(tags.ACQUISITION_NUMBER, tags.TEMPORAL_POSITION, tags.TEMPORAL_INDEX, tags.CARDIAC_PHASE),
    *(tags.CONTRAST_AGENT, tags.KVP, tags.KERNEL),
)
"""Attributes that are equal in all slices of one acquisition."""

_MOST_INTERLEAVED, _FEWEST_INTERLEAVED = 4, 3  # acquisitions; slices of each
_WIDER = 1.5  # least ratio of the slice spacing of one acquisition to that of all slices together


@dataclass(frozen=True)
class Candidate:
    """A series that may be the scan.

    Attributes:
        objects: Its files.
        slices: Their slices.
    """

    objects: tuple[DicomObject, ...]
    slices: tuple[Slice, ...]

    @property
    def rank(self) -> int:
        """0 for original slices; series of a higher rank are used only where there are none."""
        return min(entry.rank for entry in self.objects)

    @property
    def has_extent(self) -> bool:
        """Whether its slices lie at several positions; those of bolus tracking lie at one."""
        places = {slice_.values.get(tags.POSITION) for slice_ in self.slices}
        return len(places) > 1 or (None in places and len(self.slices) > 1)

    @property
    def description(self) -> str:
        """Series Description, or "no description"."""
        return self.objects[0].header.elements.shown(tags.SERIES_DESCRIPTION) or "no description"

    def __str__(self) -> str:
        elements = self.objects[0].header.elements
        parts = [counted(len(self.slices), "slice")]
        if number := elements.shown(tags.SERIES_NUMBER):
            parts.append(f"series {number}")
        if thickness := elements.shown(tags.SLICE_THICKNESS):
            parts.append(f"{thickness} mm thick")
        if kernel := elements.shown(tags.KERNEL):
            parts.append(f"kernel {kernel}")
        return f"'{self.description}' (CT, {', '.join(parts)})"


def candidates_of(objects: Iterable[DicomObject]) -> list[Candidate]:
    """Series with slices, the most original ones only, in the order of their files."""
    by_series: dict[tuple[str, int], list[DicomObject]] = {}
    for entry in objects:
        if entry.slices or entry.problem:
            by_series.setdefault((entry.series_uid, entry.rank), []).append(entry)
    found = [
        Candidate(tuple(members), tuple(slice_ for entry in members for slice_ in entry.slices))
        for members in by_series.values()
    ]
    scans = [candidate for candidate in found if candidate.has_extent] or found
    best = min((candidate.rank for candidate in scans), default=0)
    return [candidate for candidate in scans if candidate.rank == best]


def chosen_acquisition(slices: Sequence[Slice], path: Path) -> tuple[Stack, tuple[str, ...]]:
    """The slices as one evenly spaced stack: all of them, or the only acquisition that is one.

    Returns:
        The stack, and warnings.

    Raises:
        InputError: when they are not evenly spaced, or several acquisitions are.
    """
    whole = stacked(slices)
    found = None if whole.is_even and not are_interleaved(slices) else split_acquisitions(slices)
    if found is None and whole.is_even:
        return whole, ()
    if found is None:
        raise InputError(
            whole.fault,
            path=path,
            seen=whole.seen,
            expected=whole.expected,
            remedy="Export the whole series again, one reconstruction a folder.",
        )
    cause, stacks = found
    label, stack = next((label, stack) for label, stack in stacks if stack.is_even)
    left = len(slices) - len(stack.slices)
    if sum(other.is_even for _, other in stacks) == 1 and left <= SMALL_SHARE * len(stack.slices):
        several, taken = (
            f"the series holds several acquisitions ({cause})",
            f"with {counted(len(stack.slices), 'slice')} was used",
        )
        rest = counted(left, "slice of another acquisition was left out", "slices of other acquisitions were left out")
        return stack, (Remark(f"{several}: {label} {taken}, {rest}", f"{several}: one {taken}, {rest}"),)
    raise SeveralSeriesError(
        f"the series holds several acquisitions or phases under one Series Instance UID, which differ in {cause}",
        path=path,
        seen="; ".join(f"{label}: {_described(stack)}" for label, stack in stacks),
        expected="one acquisition",
        remedy=CHOOSE_SERIES,
    )


def are_interleaved(slices: Sequence[Slice]) -> bool:
    """Whether an evenly spaced stack consists of several acquisitions with interleaved slices."""
    step_mm = float(np.linalg.norm(stacked(slices).step_lps)) if len(slices) > 1 else 0.0
    for tag in _OF_ACQUISITIONS:
        groups: dict[str, list[Slice]] = {}
        for slice_ in slices:
            groups.setdefault(slice_.attributes.get(tag, ""), []).append(slice_)
        if not 1 < len(groups) <= _MOST_INTERLEAVED or min(map(len, groups.values())) < _FEWEST_INTERLEAVED:
            continue
        stacks = [stacked(group) for group in groups.values()]
        if all(stack.is_even and np.linalg.norm(stack.step_lps) > _WIDER * step_mm for stack in stacks):
            return True
    return False


def split_acquisitions(slices: Sequence[Slice]) -> tuple[str, list[tuple[str, Stack]]] | None:
    """Split slices that are not one evenly spaced stack into acquisitions.

    Returns:
        The attribute that distinguishes them, and each with its name; None where no attribute divides them so that
        most slices lie in even stacks that cover the same part of the patient.
    """
    for cause, groups in _divisions(slices):
        stacks = [(label, stacked(group)) for label, group in groups]
        even = [stack for _, stack in stacks if stack.is_even]
        if even and sum(len(stack.slices) for stack in even) >= len(slices) / 2 and _overlap(stacks):
            return cause, stacks
    return None


def _overlap(stacks: Sequence[tuple[str, Stack]]) -> bool:
    """Whether the acquisitions cover the same part of the patient; otherwise they are parts of one faulty scan."""
    largest = max((stack for _, stack in stacks), key=lambda stack: len(stack.slices))
    depths = largest.positions_lps @ largest.normal_lps
    margin = (depths[-1] - depths[0]) / max(1, len(depths) - 1)
    for _, stack in stacks:
        inside = stack.positions_lps @ largest.normal_lps
        if stack is not largest and (inside[0] > depths[-1] - margin / 2 or inside[-1] < depths[0] + margin / 2):
            return False
    return True


def _divisions(slices: Sequence[Slice]) -> Iterable[tuple[str, list[tuple[str, list[Slice]]]]]:
    """Ways to divide slices into acquisitions: the attribute, and the name and slices of each."""
    for tag in ATTRIBUTES:
        groups: dict[str, list[Slice]] = {}
        for slice_ in slices:
            groups.setdefault(slice_.attributes.get(tag, ""), []).append(slice_)
        if 1 < len(groups) <= len(slices) / 2:
            hidden = tag in CONFIDENTIAL_ATTRIBUTES
            yield (
                attribute_name(tag),
                [
                    (
                        f"acquisition {index}" if hidden else f"{attribute_name(tag)} {printable(value) or 'missing'}",
                        group,
                    )
                    for index, (value, group) in enumerate(sorted(groups.items(), key=_in_order), start=1)
                ],
            )
    runs = _runs(slices)
    if 1 < len(runs) <= len(slices) / 2:
        yield "Instance Number", [(f"instances {run[0].instance} to {run[-1].instance}", run) for run in runs]


def _in_order(group: tuple[str, list[Slice]]) -> tuple[tuple[float, str], ...]:
    """Sort key of an attribute's value: numbers by size, other text by alphabet."""
    parts = re.split(r"(\d+)", group[0])
    return tuple((float(part), "") if part.isdecimal() else (-1.0, part) for part in parts)


def _runs(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Slices in order of their instance numbers, divided where the direction along the table reverses."""
    numbered = sorted((slice_ for slice_ in slices if slice_.instance is not None), key=lambda s: s.instance or 0)
    if len(numbered) < len(slices) or len(slices) < 3:
        return []
    depths = {id(slice_): depth for depth, slice_ in enumerate(stacked(numbered).slices)}
    rising = depths[id(numbered[1])] > depths[id(numbered[0])]
    runs = [[numbered[0]]]
    for before, after in itertools.pairwise(numbered):
        if (depths[id(after)] > depths[id(before)]) == rising:
            runs[-1].append(after)
        else:
            runs.append([after])
    return runs


def _described(stack: Stack) -> str:
    names = f"{stack.slices[0].name} to {stack.slices[-1].name}"
    fault = "" if stack.is_even else f"; {stack.fault}"
    return f"{counted(len(stack.slices), 'slice')} ({names} in order of position{fault})"
