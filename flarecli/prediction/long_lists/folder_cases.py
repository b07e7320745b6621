"""The cases of a folder of scans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flarecli.errors import FlareError, InputError
from flarecli.files.names import case_of_name, cases_of_names
from flarecli.prediction.case import Case, label_suffix_of_name, label_suffix_of_scan_suffix
from flarecli.prediction.long_lists.case_sequence import CaseSequence, OutputNames, grouped_outputs


@dataclass(frozen=True)
class FolderCases(CaseSequence):
    """The scans of a folder and the files to write, one a scan.

    Attributes:
        folder: The folder.
        scans: Names of the scans.
        destination: Folder of the label maps.
        problem_of: Says why a scan cannot be read, where that is so.
        is_anonymous: Whether cases are called by their number in place of the scan's name.
        numbers: Number of each scan among all of the folder; as they stand where None.
        digits: How many digits numbers have.
    """

    folder: Path
    scans: Sequence[str]
    destination: Path
    problem_of: Callable[[Path], FlareError | None]
    is_anonymous: bool = False
    numbers: range | None = None
    digits: int | None = None

    def __len__(self) -> int:
        return len(self.scans)

    @property
    def _numbers(self) -> range:
        return range(1, len(self.scans) + 1) if self.numbers is None else self.numbers

    @property
    def _digits(self) -> int:
        return len(str(len(self.scans))) if self.digits is None else self.digits

    def _numbered(self, index: int) -> str:
        return f"scan_{self._numbers[index]:0{self._digits}d}"

    def case(self, index: int) -> Case:
        name = self.scans[index]
        scan = self.folder / name
        case = self._numbered(index) if self.is_anonymous else case_of_name(name)
        labels = self.destination / f"{case}{label_suffix_of_name(name)}"
        return Case(case, scan, labels, self.problem_of(scan))

    def sliced(self, part: slice) -> FolderCases:
        return replace(self, scans=self.scans[part], numbers=self._numbers[part], digits=self._digits)

    def outputs(self) -> list[OutputNames]:
        names, suffixes = cases_of_names(self.scans)
        if self.is_anonymous:
            names = [self._numbered(index) for index in range(len(names))]
        labels = [label_suffix_of_scan_suffix(suffix) for suffix in suffixes]
        return grouped_outputs(str(self.destination), range(len(names)), names, labels, names)

    def perhaps_on_servers(self) -> tuple[Path, ...]:
        return (self.folder,)

    def check_clashes(self) -> None:
        """Refuse scans that would be written to one file.

        Raises:
            InputError: then.
        """
        for group in self.outputs():
            if len(set(group.stems)) == len(group.stems):
                continue
            counts = Counter(group.stems)
            clashing = next(stem for stem in group.stems if counts[stem] > 1)
            first, second, *_ = (
                self.scans[index] for stem, index in zip(group.stems, group.indices, strict=True) if stem == clashing
            )
            raise InputError(
                "two scans would be written to one file",
                path=self.destination / f"{clashing}{group.suffix}",
                seen=f"{first} and {second}",
                remedy="Rename one of them, or predict them one by one.",
            )
