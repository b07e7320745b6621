"""Names of the outputs of a list's lines, without a call of Python for each line: of lines in the usual forms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flarecli.files.names import NIFTI_SUFFIXES, cases_of_names
from flarecli.prediction.case import label_suffix_of_scan_suffix

_LONG = 60  # characters, each of up to 4 bytes
_AT_ONCE = 1000  # objects, which take much more memory than their text
_NAMED, _PLACED = {"scan", "name"}, {"scan", "output"}


class LineNames(NamedTuple):
    """Names of the cases of some lines.

    Attributes:
        indices: Places of the lines in the list.
        stems: Label map of each without its suffix, below the folder of results.
        suffixes: Suffix of each label map.
        cases: Name of each case.
    """

    indices: Sequence[int]
    stems: Sequence[str]
    suffixes: Sequence[str]
    cases: Sequence[str]


def names_of_paths(lines: Sequence[str]) -> LineNames:
    """Names of the lines that are simply paths of scan files."""
    bare = [
        "" if line[0] == "{" or "://" in line or "\\" in line or not line.isprintable() else line.rpartition("/")[2]
        for line in lines
    ]
    indices: Sequence[int] = range(len(bare)) if all(bare) else [index for index, name in enumerate(bare) if name]
    cases, suffixes = cases_of_names(bare if len(indices) == len(bare) else [bare[index] for index in indices])
    labels = [label_suffix_of_scan_suffix(suffix) for suffix in suffixes]
    return _where(list(map(bool, suffixes)), LineNames(indices, cases, labels, cases))


def names_of_objects(lines: Sequence[str], *, only_named: bool = False) -> LineNames:
    """Names of the lines that are JSON objects of a scan with a name, or with an output below the folder of results.

    Args:
        lines: All lines.
        only_named: Whether only those with a name are meant.
    """
    found = list(_scans_and_names(lines, (_NAMED,) if only_named else (_NAMED, _PLACED)))
    if not found:
        return LineNames([], [], [], [])
    indices, scans, names, outputs = map(list, zip(*found, strict=True))
    cases, suffixes = cases_of_names(scans)
    if not any(outputs):
        labels = [label_suffix_of_scan_suffix(suffix) or NIFTI_SUFFIXES[0] for suffix in suffixes]
        return _where([True] * len(names), LineNames(indices, names, labels, names))
    ends = cases_of_names(outputs)[1]
    return _where(
        [bool(name or (suffix and end)) for name, suffix, end in zip(names, suffixes, ends, strict=True)],
        LineNames(
            indices,
            [name or output[: -len(end)] for name, output, end in zip(names, outputs, ends, strict=True)],
            [
                end or label_suffix_of_scan_suffix(suffix) or NIFTI_SUFFIXES[0]
                for end, suffix in zip(ends, suffixes, strict=True)
            ],
            [name or case for name, case in zip(names, cases, strict=True)],
        ),
    )


def _scans_and_names(lines: Sequence[str], usual: Sequence[set[str]]) -> Iterator[tuple[int, str, str, str]]:
    """Of usual objects: place of the line, name of the scan file, and either the case's name or its output."""
    indices = [index for index, line in enumerate(lines) if line[0] == "{"]
    for start in range(0, len(indices), _AT_ONCE):
        places = indices[start : start + _AT_ONCE]
        try:
            objects = json.loads(f"[{','.join(lines[place] for place in places)}]")
        except (ValueError, RecursionError):
            continue
        if len(objects) != len(places):
            continue
        for place, facts in zip(places, objects, strict=True):
            keys = facts.keys() if isinstance(facts, dict) else ()
            if keys not in usual:
                continue
            scan, name, output = facts["scan"], facts.get("name", ""), facts.get("output", "")
            if not (isinstance(scan, str) and isinstance(name, str) and isinstance(output, str)):
                continue
            text = f"{scan}{name}{output}"
            if "://" in text or "\\" in text or not text.isprintable() or "/" in name or not (name or output):
                continue
            if "/." in f"/{output}" or "//" in output or output[:1] == "/" or output[-1:] == "/":
                continue
            yield place, scan.rpartition("/")[2], name, output


def _where(good: Sequence[bool], names: LineNames) -> LineNames:
    """Those of which the names say everything."""
    kept = [
        place
        for place, (is_good, stem, case) in enumerate(zip(good, names.stems, names.cases, strict=True))
        if is_good and len(stem) <= _LONG and len(case) <= _LONG and case.strip(" .") and stem.rpartition("/")[2]
    ]
    if len(kept) == len(good):
        return names
    stems, suffixes, cases = ([values[place] for place in kept] for values in names[1:])
    return LineNames([names.indices[place] for place in kept], stems, suffixes, cases)
