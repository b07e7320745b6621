"""Schedules: the scan that each sample is cut from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class ScanSchedule(Protocol):
    """The scan of each sample of a run."""

    @property
    def reuse(self) -> int:
        """Most samples of a scan."""
        ...

    @property
    def settling_samples(self) -> int:
        """Number of samples at the start of a run in which more scans are new than later."""
        ...

    def scan_of(self, sample: int) -> int:
        """Number of the scan from which sample `sample` is cut, counted from 0."""
        ...


@dataclass(frozen=True)
class Schedule:
    """Cuts several samples from each scan, with samples of other scans in between, by a fixed rule.

    Samples come in steps of `reuse`. In each step one scan is new and the others are those that were new `mixing`,
    2 `mixing`, ... steps ago, so that a slow source has to make one scan a step (more in the first ones), and at most
    (reuse - 1) mixing + 1 scans are held.

    Attributes:
        reuse: Samples of each scan.
        mixing: Steps between two uses of a scan.
    """

    reuse: int = 1
    mixing: int = 7

    @property
    def settling_samples(self) -> int:
        """Number of samples at the start of a run in which every scan is new."""
        return self.reuse * self.mixing if self.reuse > 1 else 0

    def scan_of(self, sample: int) -> int:
        """Number of the scan from which sample `sample` is cut, counted from 0."""
        tick, turn = divmod(sample, self.reuse)
        return tick + (self.reuse - 1 - turn) * self.mixing

    def oldest_needed(self, sample: int) -> int:
        """The smallest number of a scan that this or a later sample is cut from."""
        return sample // self.reuse
