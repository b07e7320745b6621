"""Which scans a process of `flare predict` segments: all, a part of them, or what no other process has claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flarecli.addresses import is_staged
from flarecli.errors import UsageError

if TYPE_CHECKING:
    from flarecli.prediction.cases import Case, FoundCases
    from flarecli.prediction.long_lists.part import Part


@dataclass(frozen=True)
class SelectedScans:
    """The scans of one process.

    Attributes:
        cases: One a scan.
        listed: Those of all processes that work on the same list.
        destination: The label map of one scan, or the folder of those of many.
        many: Whether there may be more than one, so that a failed one does not end the run.
        warnings: What of the source is not used.
    """

    cases: Sequence[Case]
    listed: Sequence[Case]
    destination: Path
    many: bool
    warnings: tuple[str, ...]


def selected_scans(found: FoundCases, destination: Path, part: Part | None, *, share: bool) -> SelectedScans:
    """The scans of a source that this process segments.

    Args:
        found: All scans of the source.
        destination: Where their label maps go.
        part: Which part of them; all where None.
        share: Whether other processes take scans of the same list.

    Raises:
        UsageError: when scans in a bucket, or a single one, were to be shared.
    """
    if share and is_staged(destination):
        raise UsageError(
            "a bucket cannot be shared: it has no atomic claims",
            path=destination,
            seen="--share",
            remedy="Give each process a part of the scans: --part 1/4 to --part 4/4.",
        )
    if not found.is_many and (share or part is not None):
        raise UsageError(
            "one scan cannot be shared",
            path=found.cases[0].scan if found.cases else None,
            seen="--share" if share else "--part",
            remedy="Give a folder of scans or --from, or leave the option out.",
        )
    cases = found.cases if part is None else part.of(found.cases)
    return SelectedScans(cases, found.cases, destination, found.is_many, found.warnings)
