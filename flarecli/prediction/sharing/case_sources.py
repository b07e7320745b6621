"""Where a run takes its cases from, one by one."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self

from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import Case


class CaseSource(Protocol):
    """Gives cases to a run and is notified how they ended; the run works within its `with` block."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def next_case(self, *, idle: bool) -> Case | None:
        """The next case.

        Args:
            idle: Whether the run has nothing else to do. Then None says that no case is left; otherwise, that there is
                none to be begun at present.
        """

    def ended(self, outcome: CaseResult) -> None:
        """Called when a case has ended and its files are there."""


class ListedCases:
    """The cases of a list, all for this run."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self._left = iter(cases)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def next_case(self, *, idle: bool) -> Case | None:
        """The next one of the list."""
        return next(self._left, None)

    def ended(self, outcome: CaseResult) -> None:
        """Nothing is to be done."""
