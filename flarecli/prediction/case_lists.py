"""Cases from a list: one scan per line, as a path or as a JSON object with names."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.errors import InputError, UsageError
from flarecli.files.names import (
    SCAN_SUFFIXES,
    case_name,
    case_of_name,
    check_name,
    image_suffix,
    label_map_stem,
    suffix_of_name,
)
from flarecli.files.remote.parsing import is_address
from flarecli.files.remote.staging import destination_file, located
from flarecli.files.sources import opened
from flarecli.prediction.case import Case, label_suffix, label_suffix_of_name
from flarecli.prediction.long_lists.case_sequence import CaseSequence, NamedOutput

_KEYS = {"scan", "series", "name", "output"}
_EXPECTED = 'a path, or {"scan": PATH, "series": NUMBER, "name": NAME, "output": PATH} with the scan at least'
_LONG = 60  # characters, each of up to 4 bytes


@dataclass(frozen=True)
class CaseList(CaseSequence):
    """A list of scans whose cases are made as they are asked for, so that long lists need little memory.

    Attributes:
        lines: Number and text of its lines, without empty ones.
        folder: Where label maps go that have no path of their own.
        anonymous: Whether names of files must not become names of cases: then those without a name are numbered.
    """

    lines: tuple[tuple[int, str], ...]
    folder: Path
    anonymous: bool = False

    def __len__(self) -> int:
        return len(self.lines)

    def case(self, index: int) -> Case:
        return _case(*self.lines[index], self.folder, anonymous=self.anonymous)

    def sliced(self, part: slice) -> CaseList:
        return CaseList(self.lines[part], self.folder, self.anonymous)

    def outputs(self) -> Iterator[NamedOutput]:
        folder = str(self.folder)
        for number, line in self.lines:
            plain = None if self.anonymous else _plain_output(line, folder)
            yield plain or _output(_case(number, line, self.folder, anonymous=self.anonymous))


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
    numbered = enumerate(map(str.strip, text.removeprefix("\ufeff").split("\n")), 1)
    lines = tuple((number, line) for number, line in numbered if line)
    if not lines:
        raise InputError(
            "the list of scans is empty", path=source, expected="one path per line", remedy="Check the list."
        )
    cases = CaseList(lines, folder, anonymous)
    seen: dict[str, int] = {}
    for (number, _), output in zip(lines, cases.outputs(), strict=True):
        suffix = suffix_of_name(output.labels)
        record = f"{output.folder}/{output.labels[: -len(suffix)] if suffix else label_map_stem(output.labels)}"
        other = seen.setdefault(record, number)
        if other != number:
            raise InputError(
                "two scans would be written to one file",
                path=Path(output.folder) / output.labels,
                seen=f"lines {other} and {number} of the list",
                expected="a name of its own for each",
                remedy='Give lines such as {"scan": "a/ct.nii.gz", "name": "a"}.',
            )
    return cases


def _plain_output(line: str, folder: str) -> NamedOutput | None:
    """The output of a line that is simply the path of a scan file; None for every other line."""
    scan = line.rpartition("/")[2]
    if line.startswith("{") or "://" in line or not suffix_of_name(scan) or not scan.isprintable() or "\\" in scan:
        return None
    case = case_of_name(scan)
    if not case.strip(" .") or len(case) > _LONG:
        return None
    return NamedOutput(folder, f"{case}{label_suffix_of_name(scan)}", case)


def _output(case: Case) -> NamedOutput:
    return NamedOutput(str(case.labels.parent), case.labels.name, case.name)


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
