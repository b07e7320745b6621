"""The cases of a folder of scans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from flarecli.errors import FlareError, InputError
from flarecli.files.names import case_of_name
from flarecli.prediction.case import Case, label_suffix_of_name
from flarecli.prediction.long_lists.case_sequence import CaseSequence, NamedOutput


@dataclass(frozen=True)
class FolderCases(CaseSequence):
    """The scans of a folder and the files to write, one a scan.

    Attributes:
        scans: The scans.
        destination: Folder of the label maps.
        problems: Why scans cannot be read, of those of which it is known.
        is_anonymous: Whether cases are called by their number in place of the scan's name.
        numbers: Number of each scan among all of the folder; as they stand where None.
        digits: How many digits numbers have.
    """

    scans: tuple[Path, ...]
    destination: Path
    problems: Mapping[Path, FlareError] = field(default_factory=dict)
    is_anonymous: bool = False
    numbers: range | None = None
    digits: int | None = None

    def __len__(self) -> int:
        return len(self.scans)

    @cached_property
    def _names(self) -> list[tuple[str, str]]:
        """Label map and case of each scan."""
        return [self._names_of(index) for index in range(len(self.scans))]

    def _names_of(self, index: int) -> tuple[str, str]:
        scan = self.scans[index].name
        name = f"scan_{self._numbers[index]:0{self._digits}d}" if self.is_anonymous else case_of_name(scan)
        return f"{name}{label_suffix_of_name(scan)}", name

    @property
    def _numbers(self) -> range:
        return range(1, len(self.scans) + 1) if self.numbers is None else self.numbers

    @property
    def _digits(self) -> int:
        return len(str(len(self.scans))) if self.digits is None else self.digits

    def case(self, index: int) -> Case:
        scan = self.scans[index]
        labels, name = self._names_of(index)
        return Case(name, scan, self.destination / labels, self.problems.get(scan))

    def sliced(self, part: slice) -> FolderCases:
        return replace(self, scans=self.scans[part], numbers=self._numbers[part], digits=self._digits)

    def outputs(self) -> Iterator[NamedOutput]:
        folder = str(self.destination)
        return (NamedOutput(folder, labels, name) for labels, name in self._names)

    def check_clashes(self) -> None:
        """Refuse scans that would be written to one file.

        Raises:
            InputError: then.
        """
        counts = Counter(labels for labels, _ in self._names)
        if len(counts) == len(self.scans):
            return
        clashing = next(labels for labels, _ in self._names if counts[labels] > 1)
        first, second, *_ = (
            scan for scan, (labels, _) in zip(self.scans, self._names, strict=True) if labels == clashing
        )
        raise InputError(
            "two scans would be written to one file",
            path=self.destination / clashing,
            seen=f"{first.name} and {second.name}",
            remedy="Rename one of them, or predict them one by one.",
        )
