"""A list of cases, each made when it is asked for: a million of them need little time and memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

from flarecli.prediction.case import Case


class NamedOutput(NamedTuple):
    """Where a case's label map goes, as texts.

    Attributes:
        folder: The folder.
        labels: Name of the label map.
        case: Name of the case.
    """

    folder: str
    labels: str
    case: str


class CaseSequence(Sequence[Case]):
    """A list of cases of which outputs are known without making the cases."""

    @abstractmethod
    def outputs(self) -> Iterator[NamedOutput]:
        """Where the label map of each case goes, in their order."""

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
