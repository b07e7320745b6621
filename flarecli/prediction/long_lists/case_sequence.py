"""A list of cases, each made when it is asked for: a million of them need little time and memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import overload

from flarecli.prediction.case import Case


@dataclass(frozen=True)
class OutputNames:
    """Names of the label maps of several cases, as texts; they have a folder and a suffix in common.

    Attributes:
        folder: The folder.
        suffix: The suffix, in lower case.
        stems: The names without suffix.
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
    folder: str, suffixes: Sequence[str], stems: Sequence[str], indices: Sequence[int]
) -> list[OutputNames]:
    """Outputs in one folder, called as their cases, by suffix."""
    different = dict.fromkeys(suffixes)
    if len(different) == 1:
        return [OutputNames(folder, suffixes[0], stems, stems, indices)]
    groups: dict[str, tuple[list[str], list[int]]] = {suffix: ([], []) for suffix in different}
    for suffix, stem, index in zip(suffixes, stems, indices, strict=True):
        groups[suffix][0].append(stem)
        groups[suffix][1].append(index)
    return [OutputNames(folder, suffix, found, found, places) for suffix, (found, places) in groups.items()]
