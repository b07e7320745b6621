"""A list of cases, each made when it is asked for: a million of them need little time and memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from flarecli.prediction.case import Case


@dataclass(frozen=True)
class OutputNames:
    """Names of the label maps of several cases, as texts; they have a folder and a suffix in common.

    Attributes:
        folder: The folder.
        suffix: The suffix, in lower case.
        stems: The paths below the folder, without suffix: `organs` or `p17/organs`.
        cases: Names of the cases.
        indices: Places of the cases in their list.
    """

    folder: str
    suffix: str
    stems: Sequence[str]
    cases: Sequence[str]
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)


class CaseSequence(Sequence[Case]):
    """A list of cases of which outputs are known without making the cases."""

    @abstractmethod
    def outputs(self) -> Iterable[OutputNames]:
        """Where the label maps of all cases go: each case in one group."""

    @abstractmethod
    def perhaps_on_servers(self) -> Iterable[Path]:
        """The scans that may be addresses of servers."""

    @abstractmethod
    def case(self, index: int) -> Case:
        """The case of an index from 0 on."""

    @abstractmethod
    def sliced(self, part: slice) -> CaseSequence:
        """A part of the list."""

    @overload
    def __getitem__(self, index: int) -> Case: ...

    @overload
    def __getitem__(self, index: slice) -> CaseSequence: ...

    def __getitem__(self, index: int | slice) -> Case | CaseSequence:
        if isinstance(index, slice):
            return self.sliced(index)
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.case(index % len(self))


def grouped_outputs(
    folder: str, indices: Sequence[int], stems: Sequence[str], suffixes: Sequence[str], cases: Sequence[str]
) -> list[OutputNames]:
    """Outputs below one folder by suffix, from the values of each case."""
    different = dict.fromkeys(suffixes)
    if len(different) == 1:
        return [OutputNames(folder, suffixes[0], stems, cases, indices)]
    groups: list[OutputNames] = []
    for wanted in different:
        kept = [place for place, suffix in enumerate(suffixes) if suffix == wanted]
        stems_kept, cases_kept = [stems[place] for place in kept], [cases[place] for place in kept]
        groups.append(OutputNames(folder, wanted, stems_kept, cases_kept, [indices[place] for place in kept]))
    return groups
