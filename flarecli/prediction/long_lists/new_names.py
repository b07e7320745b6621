"""Whether all outputs are new, from lists of names: without a system call for each of a million files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flarecli.files.names import suffix_of_name
from flarecli.prediction.case import Case
from flarecli.prediction.long_lists.case_sequence import CaseSequence, NamedOutput
from flarecli.prediction.output_options import OutputOptions, PreviewFolder
from flarecli.prediction.result_files import result_files
from flarecli.volume.scan import WRITABLE_SUFFIXES

_LONGEST_NAME_BYTES = 160
"""Names up to this are no longer than file systems take, also with what is added to them."""


@dataclass
class NewNames:
    """Names that do not exist yet.

    Attributes:
        names: In lower case, by the folder they lie in, whose links are resolved.
        samples: A case of each format of label maps, and of each folder up to a few.
    """

    names: dict[str, set[str]] = field(default_factory=dict)
    samples: list[Case] = field(default_factory=list)

    def include(self, path: Path) -> bool:
        """Whether a file is among them."""
        return path.name.lower() in self.names.get(os.path.realpath(path.parent), ())


def new_names(cases: CaseSequence, extras: OutputOptions) -> NewNames | None:
    """The names of all files of the cases, where none of them exists and no two are one; None where that is not
    certain, and each file must be looked at.

    What does not exist is not an input of the run either. Names that differ in case only count as one.
    """
    if extras.dicom or not (extras.preview is None or isinstance(extras.preview, PreviewFolder)):
        return None
    found = NewNames()
    real: dict[str, str] = {}
    endings: dict[str, tuple[str, ...]] = {}
    for index, output in enumerate(cases.outputs()):
        suffix = suffix_of_name(output.labels)
        if suffix not in endings:
            if suffix not in WRITABLE_SUFFIXES:
                return None
            endings[suffix] = tuple(_endings(suffix, extras))
            found.samples.append(cases[index])
        if output.folder not in real:
            real[output.folder] = os.path.realpath(output.folder)
        names = found.names.setdefault(real[output.folder], set())
        stem = output.labels[: len(output.labels) - len(suffix)].lower()
        if not stem or len(os.fsencode(output.labels)) > _LONGEST_NAME_BYTES:
            return None
        for ending in endings[suffix]:
            name = stem + ending
            if name in names:
                return None
            names.add(name)
        if extras.preview is not None and not _add_preview(output, extras.preview, found, real):
            return None
    return None if any(_some_exist(folder, names) for folder, names in found.names.items()) else found


def _endings(suffix: str, extras: OutputOptions) -> Iterator[str]:
    """What follows the stem of a label map in the names of its case's files."""
    case = Case("x", Path("x"), Path("/x") / f"x{suffix}")
    beside = [file.path for file in result_files(case, extras) if file.key != "preview"]
    for path in (case.record, case.failure, *beside):
        yield path.name.removeprefix("x").lower()


def _add_preview(output: NamedOutput, folder: PreviewFolder, found: NewNames, real: dict[str, str]) -> bool:
    key = str(folder.folder)
    if key not in real:
        real[key] = os.path.realpath(key)
    names = found.names.setdefault(real[key], set())
    name = f"{output.case}.png".lower()
    if name in names or "/" in name or len(os.fsencode(name)) > _LONGEST_NAME_BYTES:
        return False
    names.add(name)
    return True


def _some_exist(folder: str, names: set[str]) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.lower() in names for entry in entries)
    except FileNotFoundError:
        return False
    except OSError:
        return True
