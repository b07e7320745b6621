"""Cases from a list: one scan per line, as a path or as a JSON object with names."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.errors import InputError, UsageError
from flarecli.files.names import (
    SCAN_SUFFIXES,
    case_name,
    cases_of_names,
    check_name,
    image_suffix,
    label_map_stem,
    label_map_suffix,
)
from flarecli.files.remote.parsing import is_address
from flarecli.files.remote.staging import destination_file, located
from flarecli.files.sources import opened
from flarecli.prediction.case import Case, label_suffix, label_suffix_of_scan_suffix
from flarecli.prediction.long_lists.case_sequence import CaseSequence, OutputNames, grouped_outputs

_KEYS = {"scan", "series", "name", "output"}
_EXPECTED = 'a path, or {"scan": PATH, "series": NUMBER, "name": NAME, "output": PATH} with the scan at least'
_LONG = 60  # characters, each of up to 4 bytes


@dataclass(frozen=True)
class CaseList(CaseSequence):
    """A list of scans whose cases are made as they are asked for, so that long lists need little memory.

    Attributes:
        lines: Its lines, without empty ones.
        numbers: Their numbers.
        folder: Where label maps go that have no path of their own.
        anonymous: Whether names of files must not become names of cases: then those without a name are numbered.
    """

    lines: Sequence[str]
    numbers: Sequence[int]
    folder: Path
    anonymous: bool = False

    def __len__(self) -> int:
        return len(self.lines)

    def case(self, index: int) -> Case:
        return _case(self.numbers[index], self.lines[index], self.folder, anonymous=self.anonymous)

    def sliced(self, part: slice) -> CaseList:
        return CaseList(self.lines[part], self.numbers[part], self.folder, self.anonymous)

    def outputs(self) -> list[OutputNames]:
        indices, names, suffixes = _plain_lines(self.lines)
        if self.anonymous:
            names = [f"scan_{self.numbers[index]}" for index in indices]
        groups = grouped_outputs(str(self.folder), suffixes, names, indices) if names else []
        if len(indices) < len(self.lines):
            groups += _one_by_one(self, sorted(set(range(len(self.lines))).difference(indices)))
        return groups


def read_case_list(source: str, folder: Path, *, anonymous: bool = False) -> CaseList:
    """Read a list of scans: UTF-8, one a line; a line that begins with `{` is a JSON object.

    `scan` is the path or address of a file, of a folder or prefix with a DICOM series, or of a collection of series
    (folders, zip archive, DICOMDIR) of which `series` chooses one; `name` is what the case is called, else the name of
    its scan as in a folder of scans; `output` its label map, within the folder where it is relative, else `name` with
    the suffix of the scan.

    Args:
        source: Path or address of the list; "-" is standard input.
        folder: Where label maps go.
        anonymous: Whether cases without a name are numbered, in place of called as their scans.

    Raises:
        InputError: when the list cannot be read, is empty, or two lines would be written to one file.
            Also when a name cannot be that of a file.
        UsageError: when a line is none of these.
    """
    try:
        if source == "-":
            text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        else:
            with opened(located(source)) as file:
                text = file.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise InputError(
            "the list of scans cannot be read",
            path=source,
            seen=error.strerror or str(error),
            remedy="Check the path and its permissions.",
        ) from error
    stripped = list(map(str.strip, text.removeprefix("\ufeff").split("\n")))
    numbers = [number for number, line in enumerate(stripped, 1) if line]
    if not numbers:
        raise InputError(
            "the list of scans is empty", path=source, expected="one path per line", remedy="Check the list."
        )
    is_gapless = numbers[-1] - numbers[0] + 1 == len(numbers)
    cases = CaseList(
        [line for line in stripped if line],
        range(numbers[0], numbers[-1] + 1) if is_gapless else numbers,
        folder,
        anonymous,
    )
    _check_clashes(cases)
    return cases


def _plain_lines(lines: Sequence[str]) -> tuple[Sequence[int], list[str], list[str]]:
    """Of the lines that are simply paths of scan files: their indices, and name and label map's suffix of each case."""
    bare = [
        "" if line[0] == "{" or "://" in line or "\\" in line or not line.isprintable() else line.rpartition("/")[2]
        for line in lines
    ]
    indices: Sequence[int] = range(len(bare)) if all(bare) else [index for index, name in enumerate(bare) if name]
    names, suffixes = cases_of_names(bare if len(indices) == len(bare) else [bare[index] for index in indices])
    plain = [
        place
        for place, (name, suffix) in enumerate(zip(names, suffixes, strict=True))
        if suffix and len(name) <= _LONG and name.strip(" .")
    ]
    if len(plain) < len(names):
        indices = [indices[place] for place in plain]
        names = [names[place] for place in plain]
        suffixes = [suffixes[place] for place in plain]
    return indices, names, [label_suffix_of_scan_suffix(suffix) for suffix in suffixes]


def _one_by_one(cases: CaseList, indices: Iterable[int]) -> list[OutputNames]:
    """Outputs of the cases of other lines, by folder and suffix."""
    groups: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    for index in indices:
        case = cases.case(index)
        found = groups.setdefault((str(case.labels.parent), label_map_suffix(case.labels)), [])
        found.append((label_map_stem(case.labels), case.name, index))
    return [
        OutputNames(folder, suffix, *map(list, zip(*found, strict=True))) for (folder, suffix), found in groups.items()
    ]


def _check_clashes(cases: CaseList) -> None:
    """Refuse lines that would be written to one file.

    Raises:
        InputError: then.
    """
    stems: dict[str, list[Sequence[str]]] = {}
    for group in cases.outputs():
        stems.setdefault(group.folder, []).append(group.stems)
    if all(len(set().union(*groups)) == sum(map(len, groups)) for groups in stems.values()):
        return
    seen: dict[Path, int] = {}
    for number, case in zip(cases.numbers, cases, strict=True):
        other = seen.setdefault(case.record, number)
        if other != number:
            raise InputError(
                "two scans would be written to one file",
                path=case.labels,
                seen=f"lines {other} and {number} of the list",
                expected="a name of its own for each",
                remedy='Give lines such as {"scan": "a/ct.nii.gz", "name": "a"}.',
            )


def _case(number: int, line: str, folder: Path, *, anonymous: bool) -> Case:
    facts: Any = {"scan": line}
    if line.startswith("{"):
        try:
            facts = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _wrong(number, str(error)) from error
        if isinstance(facts.get("series"), int):
            facts["series"] = str(facts["series"])
        if set(facts) - _KEYS or "scan" not in facts:
            raise _wrong(number, ", ".join(map(str, facts)) or "no keys")
        if not all(isinstance(value, str) and value and "\0" not in value for value in facts.values()):
            raise _wrong(number, "a value that is not a string")
    scan = located(facts["scan"])
    named_after = scan.stem if scan.suffix.lower() == ".zip" else case_name(scan) or scan.resolve().name
    name = facts.get("name") or (f"scan_{number}" if anonymous else named_after)
    if "output" in facts:
        output = facts["output"]
        labels = destination_file(output) if is_address(output) else folder / output
        return Case(name, scan, labels, choice=facts.get("series"))
    check_name(name, "case")
    suffix = label_suffix(scan) if image_suffix(scan) in SCAN_SUFFIXES else ".nii.gz"
    return Case(name, scan, folder / f"{name}{suffix}", choice=facts.get("series"))


def _wrong(number: int, seen: str) -> UsageError:
    return UsageError(
        f"line {number} of the list is not understood",
        seen=seen,
        expected=_EXPECTED,
        remedy="Correct the line.",
    )
