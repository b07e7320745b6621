"""The cases of a run that have ended: the first ones in memory, the others in a temporary file."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flarecli.prediction.case_result import CaseResult

_MOST_BYTES_IN_MEMORY = 2_000_000


class EndedCases:
    """How the cases of a run ended, in the order in which they were added. The file has no name, and is never read by
    another process.

    Attributes:
        first: The first one, as it was added; None where there is none.
        failed: How many failed.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_MOST_BYTES_IN_MEMORY)  # noqa: SIM115 - closed at the block's end
        self._count = 0
        self.first: CaseResult | None = None
        self.failed = 0

    def __enter__(self) -> EndedCases:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def add(self, outcome: CaseResult) -> None:
        """Keep one more.

        Raises:
            OSError: when the temporary folder is full.
        """
        if self.first is None:
            self.first = outcome
        pickler = pickle.Pickler(self._file, pickle.HIGHEST_PROTOCOL)
        # Dask registers a way to pickle exceptions with their causes, which need not be picklable.
        pickler.dispatch_table = {}
        pickler.dump(outcome)
        self._count += 1
        self.failed += outcome.error is not None

    def __iter__(self) -> Iterator[CaseResult]:
        self._file.seek(0)
        for _ in range(self._count):
            yield pickle.load(self._file)
        self._file.seek(0, 2)
