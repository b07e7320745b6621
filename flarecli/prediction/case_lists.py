"""Cases from a list: one scan per line, as a path or as a JSON object with names."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.errors import InputError, UsageError
from flarecli.files.names import (
    SCAN_SUFFIXES,
    case_name,
    check_name,
    image_suffix,
    label_map_stem,
    label_map_suffix,
)
from flarecli.files.remote.parsing import is_address
from flarecli.files.remote.staging import destination_file, located
from flarecli.files.sources import opened
from flarecli.prediction.case import Case, label_suffix
from flarecli.prediction.long_lists.case_sequence import CaseSequence, OutputNames, grouped_outputs
from flarecli.prediction.long_lists.line_names import names_of_objects, names_of_paths

_KEYS = {"scan", "series", "name", "output"}
_EXPECTED = 'a path, or {"scan": PATH, "series": NUMBER, "name": NAME, "output": PATH} with the scan at least'


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
        folder = str(self.folder)
        paths = names_of_paths(self.lines)
        if self.anonymous:
            numbered = [f"scan_{self.numbers[index]}" for index in paths.indices]
            paths = paths._replace(stems=numbered, cases=numbered)
        groups = grouped_outputs(folder, *paths)
        if len(paths.indices) == len(self.lines):
            return groups
        objects = names_of_objects(self.lines, only_named=self.anonymous)
        groups += grouped_outputs(folder, *objects)
        left = set(range(len(self.lines))).difference(paths.indices, objects.indices)
        return groups + self._others(sorted(left))

    def perhaps_on_servers(self) -> Iterator[Path]:
        return (self.case(index).scan for index, line in enumerate(self.lines) if "://" in line or "\\" in line)

    def _others(self, indices: Sequence[int]) -> list[OutputNames]:
        """Outputs of lines of other forms."""
        groups: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
        for index in indices:
            case = self.case(index)
            folder, stem = str(case.labels.parent), label_map_stem(case.labels)
            below = case.labels.parent.parts[len(self.folder.parts) :]
            if case.labels.is_relative_to(self.folder) and ".." not in below:
                folder, stem = str(self.folder), "/".join((*below, stem))
            groups.setdefault((folder, label_map_suffix(case.labels)), []).append((stem, case.name, index))
        return [
            OutputNames(folder, suffix, *map(list, zip(*found, strict=True)))
            for (folder, suffix), found in groups.items()
        ]


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
