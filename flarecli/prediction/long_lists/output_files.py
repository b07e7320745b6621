"""Which outputs exist, from lists of names: without a system call for each of a million files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import product
from pathlib import Path

from flarecli.files.names import SEGMENTATION_SUFFIX
from flarecli.prediction.case import Case
from flarecli.prediction.long_lists.case_sequence import CaseSequence
from flarecli.prediction.output_options import OutputOptions, PreviewFolder
from flarecli.prediction.result_files import result_files
from flarecli.volume.scan import WRITABLE_SUFFIXES

_LONGEST_STEM_BYTES = 150
"""Names of up to so many bytes are no longer than file systems take, also with what is added to them."""

_MOST_SAMPLES = 20


@dataclass(frozen=True)
class _Files:
    """Files of several cases in one folder: every stem with every ending, in lower case. Stems may be as they are where
    names that differ in case are two."""

    stems: frozenset[str]
    endings: tuple[str, ...]

    def meets(self, other: _Files) -> bool:
        """Whether a file of one stem may be that of another stem, or of the other files."""
        for ending, other_ending in product(self.endings, other.endings):
            if not ending.endswith(other_ending):
                continue
            between = ending.removesuffix(other_ending)  # stem + between + other_ending
            if not between and other is not self and not self.stems.isdisjoint(other.stems):
                return True
            if between and any(
                stem.removesuffix(between) in self.stems for stem in other.stems if stem.endswith(between)
            ):
                return True
        return False

    def stem_of(self, name: str) -> str | None:
        """The stem that a name in lower case is a file of; None where it is none of them."""
        stems = (name.removesuffix(ending) for ending in self.endings if name.endswith(ending))
        return next((stem for stem in stems if stem in self.stems), None)

    @cached_property
    def depth(self) -> int:
        """How many folders below lie above a file, at most."""
        return max(stem.count("/") for stem in self.stems)

    @property
    def is_nested(self) -> bool:
        """Whether a file lies in a folder below."""
        return self.depth > 0

    def below(self, names: Sequence[str]) -> set[str]:
        """The stems, in lower case, that lie in a folder of one of these names."""
        if not self.is_nested:
            return set()
        present = set(names)
        lower = map(str.lower, self.stems)
        return {stem for stem in lower if "/" in stem and stem.partition("/")[0] in present}


@dataclass
class OutputFiles:
    """Files of the cases of a list, no two of which are one.

    Attributes:
        files: By the folder they lie in, whose links are resolved.
        samples: Places of a few cases in the list: of each format of label maps, and of some folders.
        existing: Places of the cases of which a file, or one whose name differs in case only, exists.
    """

    files: dict[str, list[_Files]] = field(default_factory=dict)
    samples: list[int] = field(default_factory=list)
    existing: list[int] = field(default_factory=list)

    def include(self, path: Path) -> bool:
        """Whether a file is among them."""
        real = os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118
        return any(
            group.stem_of(name) is not None or group.stem_of(name.lower()) is not None
            for folder, groups in self.files.items()
            if real.startswith(f"{folder}/")
            for name in (real.removeprefix(f"{folder}/"),)
            for group in groups
        )


def output_files(cases: CaseSequence, extras: OutputOptions, *, looks: bool = True) -> OutputFiles | None:
    """The files of the cases, where no two of them are one; None where that is not certain, and each file must be
    looked at.

    What does not exist is not an input of the run either. Names that differ in case only count as one.

    Args:
        cases: The cases.
        extras: Additional outputs.
        looks: Whether to find out what exists, too. Without, names are only compared, as they are, whether they can be
            written or not.
    """
    if (looks and extras.dicom) or not (extras.preview is None or isinstance(extras.preview, PreviewFolder)):
        return None
    suffixes_known = WRITABLE_SUFFIXES if looks else (*WRITABLE_SUFFIXES, SEGMENTATION_SUFFIX)
    found = OutputFiles()
    suffixes: set[str] = set()
    endings = cache(lambda suffix: tuple(dict.fromkeys(_endings(suffix, extras))))
    real = cache(os.path.realpath)
    names_in = cache(_names_in)
    for group in cases.outputs():
        if group.suffix not in suffixes_known:
            return None
        if group.suffix not in suffixes or len(found.samples) < _MOST_SAMPLES:
            suffixes.add(group.suffix)
            found.samples.append(group.indices[0])
        places = [(group.folder, group.stems, endings(group.suffix))]
        if extras.preview is not None:
            places.append((str(extras.preview.folder), group.cases, (".png",)))
        taken: set[str] = set()
        for folder, stems, ends in places:
            files = _files(stems, ends) if looks else _files_as_named(stems, ends)
            if files is None:
                return None
            only_links = not looks and files.depth < 2  # the last of several folders may be the link
            present = names_in(real(folder), only_links=only_links) if looks or files.is_nested else []
            if present is None:
                return None
            found.files.setdefault(real(folder), []).append(files)
            if looks:
                taken.update(stem for name in present if (stem := files.stem_of(name)) is not None)
            taken.update(files.below(present))
        if taken:
            for stem, case, index in zip(group.stems, group.cases, group.indices, strict=True):
                if stem.lower() not in taken and case.lower() not in taken:
                    continue
                if "/" in stem and _is_linked(real(group.folder), stem):
                    return None
                found.existing.append(index)
    is_clear = not any(map(_any_meet, found.files.values())) and not _lie_in_each_other(found.files)
    return found if is_clear else None


def _files(stems: Sequence[str], endings: tuple[str, ...]) -> _Files | None:
    """The files of these stems; None where a stem cannot be judged by its text alone, or two are one."""
    lower = frozenset(map(str.lower, stems))
    longest = max(map(len, lower)) if all(map(str.isascii, lower)) else max(len(os.fsencode(stem)) for stem in stems)
    if len(lower) < len(stems) or "" in lower or longest > _LONGEST_STEM_BYTES:
        return None
    return _Files(lower, endings)


def _files_as_named(stems: Sequence[str], endings: tuple[str, ...]) -> _Files | None:
    """The same, where names that differ in case are two, and may be of any length."""
    distinct = frozenset(stems)
    return None if len(distinct) < len(stems) or "" in distinct else _Files(distinct, endings)


def _is_linked(folder: str, stem: str) -> bool:
    """Whether the folder of a label map is reached through links below the folder of results."""
    parent = os.path.dirname(os.path.join(folder, stem))  # noqa: PTH118, PTH120
    return os.path.realpath(parent) != parent


def _lie_in_each_other(files: Mapping[str, Sequence[_Files]]) -> bool:
    """Whether files below one folder may be files of another folder."""
    nested = [folder for folder, groups in files.items() if any(group.is_nested for group in groups)]
    return any(other.startswith(f"{folder}/") for folder in nested for other in files)


def _any_meet(groups: list[_Files]) -> bool:
    return any(one.meets(other) for one, other in product(groups, repeat=2))


def _endings(suffix: str, extras: OutputOptions) -> Iterator[str]:
    """What follows the stem of a label map in the names of its case's files."""
    case = Case("x", Path("x"), Path("/x") / f"x{suffix}")
    beside = [file.path for file in result_files(case, extras) if file.key != "preview"]
    for path in (case.record, case.failure, *beside):
        yield path.name.removeprefix("x").lower()


def _names_in(folder: str, *, only_links: bool = False) -> list[str] | None:
    """The names in a folder, or those of links, in lower case, none where it does not exist; None where it cannot be
    listed."""
    try:
        with os.scandir(folder) as listing:
            return [entry.name.lower() for entry in listing if not only_links or entry.is_symlink()]
    except FileNotFoundError:
        return []
    except OSError:
        return None
