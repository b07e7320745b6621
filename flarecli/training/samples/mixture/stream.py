"""Samples of two sources in one stream: real and synthetic scans, in a fixed proportion."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from flarecli.training.samples.scan_source import ScanSource
from flarecli.training.samples.schedule import Schedule
from flarecli.training.samples.stream import SampleStream, Stream
from flarecli.training.views.scan import LabelledScan

FIRST_REAL_SCAN = 2**42
"""Number of the first real scan of a mixed stream. No synthetic scan has a number as high, and no other random number
of a scan is derived from one."""


@dataclass(frozen=True)
class RealTurns:
    """Which samples of a mixed stream are from real scans: the share is kept as evenly as whole numbers allow.

    Attributes:
        share: Share of the samples that are from real scans, between 0 and 1.
    """

    share: float

    def real_before(self, number: int) -> int:
        """How many of the samples before sample `number`, counted from 0, are from real scans."""
        return floor(number * self.share + 1e-9)

    def is_real(self, number: int) -> bool:
        """Whether sample `number` is from a real scan."""
        return self.real_before(number + 1) > self.real_before(number)

    def number_within(self, number: int) -> int:
        """Which sample of its own source sample `number` of the stream is."""
        before = self.real_before(number)
        return before if self.is_real(number) else number - before


@dataclass(frozen=True)
class MixedSchedule:
    """From which scan each sample of a mixed stream is cut; as `Schedule`.

    Attributes:
        turns: Which samples are from real scans.
        real: Schedule of the real scans.
        synthetic: Schedule of the synthetic scans.
    """

    turns: RealTurns
    real: Schedule
    synthetic: Schedule

    @property
    def reuse(self) -> int:
        """How often a scan is used at most."""
        return max(self.real.reuse, self.synthetic.reuse)

    @property
    def settling_samples(self) -> int:
        """First samples of a run, in which more scans are new than later."""
        share = self.turns.share
        return max(ceil(self.real.settling_samples / share), ceil(self.synthetic.settling_samples / (1 - share)))

    def scan_of(self, sample: int) -> int:
        """Number of the scan; those of real scans begin with `FIRST_REAL_SCAN`."""
        number = self.turns.number_within(sample)
        if self.turns.is_real(sample):
            return FIRST_REAL_SCAN + self.real.scan_of(number)
        return self.synthetic.scan_of(number)


@dataclass(frozen=True)
class NumberedApart:
    """Scans of a source, with numbers that no scan of another source has.

    Attributes:
        source: The scans.
        first: Added to their numbers.
    """

    source: ScanSource
    first: int = FIRST_REAL_SCAN

    def scan(self, number: int) -> LabelledScan:
        """The scan of that number of the source."""
        scan = self.source.scan(number)
        return LabelledScan(self.first + scan.number, scan.image, scan.labels, scan.spacing_mm)


@dataclass
class MixedStream:
    """Real and synthetic samples by turns. Sample k depends on the seed and on k alone.

    Attributes:
        real: Samples of real scans.
        synthetic: Samples of synthetic scans.
        turns: Which samples are real.
    """

    real: SampleStream
    synthetic: SampleStream
    turns: RealTurns

    @property
    def schedule(self) -> MixedSchedule:
        """Which scan each sample is from."""
        return MixedSchedule(self.turns, self.real.schedule, self.synthetic.schedule)

    def sample(self, number: int) -> Any:
        """Sample `number`, counted from 0."""
        stream: Stream = self.real if self.turns.is_real(number) else self.synthetic
        return stream.sample(self.turns.number_within(number))
