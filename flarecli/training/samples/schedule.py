"""From which scan each sample is cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class ScanSchedule(Protocol):
    """From which scan each sample of a run is cut."""

    @property
    def reuse(self) -> int:
        """How often a scan is used at most."""
        ...

    @property
    def settling_samples(self) -> int:
        """First samples of a run, in which more scans are new than later."""
        ...

    def scan_of(self, sample: int) -> int:
        """Number of the scan from which sample `sample` is cut, counted from 0."""
        ...


@dataclass(frozen=True)
class Schedule:
    """Uses every scan several times, with other scans in between, by a fixed rule.

    Samples come in ticks of `reuse`. In every tick one scan is new and the others are those that were new `mixing`,
    2 `mixing`, ... ticks ago, so that a slow source has to make one scan a tick (more in the first ones), and at most
    (reuse - 1) mixing + 1 scans are held.

    Attributes:
        reuse: How often each scan is used.
        mixing: Ticks between two uses of a scan.
    """

    reuse: int = 1
    mixing: int = 7

    @property
    def settling_samples(self) -> int:
        """First samples of a run, in which every scan is new."""
        return self.reuse * self.mixing if self.reuse > 1 else 0

    def scan_of(self, sample: int) -> int:
        """Number of the scan from which sample `sample` is cut, counted from 0."""
        tick, turn = divmod(sample, self.reuse)
        return tick + (self.reuse - 1 - turn) * self.mixing

    def oldest_needed(self, sample: int) -> int:
        """The smallest number of a scan that this or a later sample is cut from."""
        return sample // self.reuse
