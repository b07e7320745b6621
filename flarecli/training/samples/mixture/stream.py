"""Interleaves samples of real and synthetic scans in a fixed proportion."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from flarecli.training.samples.scan_source import ScanSource
from flarecli.training.samples.schedule import Schedule
from flarecli.training.samples.stream import SampleStream, Stream
from flarecli.training.views.scan import LabelledScan

FIRST_REAL_SCAN = 2**42
"""Number of the first real scan of a mixed stream, larger than any number of a synthetic scan and than any number from
which random numbers of a scan are derived."""


@dataclass(frozen=True)
class Interleaving:
    """Which samples of a mixed stream are from real scans, spread as evenly as whole numbers allow.

    Attributes:
        share: Share of the samples that are from real scans, between 0 and 1.
    """

    share: float

    def real_before(self, number: int) -> int:
        """Number of samples from real scans before sample `number`, counted from 0."""
        return floor(number * self.share + 1e-9)

    def is_real(self, number: int) -> bool:
        """Whether sample `number` is from a real scan."""
        return self.real_before(number + 1) > self.real_before(number)

    def number_within(self, number: int) -> int:
        """Number of the stream's sample `number` within its own source."""
        before = self.real_before(number)
        return before if self.is_real(number) else number - before


@dataclass(frozen=True)
class MixedSchedule:
    """Scan of each sample of a mixed stream; as `Schedule`.

    Attributes:
        interleaving: Which samples are from real scans.
        real: Schedule of the real scans.
        synthetic: Schedule of the synthetic scans.
    """

    interleaving: Interleaving
    real: Schedule
    synthetic: Schedule

    @property
    def reuse(self) -> int:
        """Most samples of a scan."""
        return max(self.real.reuse, self.synthetic.reuse)

    @property
    def settling_samples(self) -> int:
        """Number of samples at the start of a run in which more scans are new than later."""
        share = self.interleaving.share
        return max(ceil(self.real.settling_samples / share), ceil(self.synthetic.settling_samples / (1 - share)))

    def scan_of(self, sample: int) -> int:
        """Number of the scan; those of real scans begin with `FIRST_REAL_SCAN`."""
        number = self.interleaving.number_within(sample)
        if self.interleaving.is_real(sample):
            return FIRST_REAL_SCAN + self.real.scan_of(number)
        return self.synthetic.scan_of(number)


@dataclass(frozen=True)
class Renumbered:
    """Scans of a source with an offset added to their numbers, so that no other source has them.

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
    """Interleaved real and synthetic samples. Sample k depends on the seed and on k only.

    Attributes:
        real: Samples of real scans.
        synthetic: Samples of synthetic scans.
        interleaving: Which samples are real.
    """

    real: SampleStream
    synthetic: SampleStream
    interleaving: Interleaving

    @property
    def schedule(self) -> MixedSchedule:
        """Scan of each sample."""
        return MixedSchedule(self.interleaving, self.real.schedule, self.synthetic.schedule)

    def sample(self, number: int) -> Any:
        """Sample `number`, counted from 0."""
        stream: Stream = self.real if self.interleaving.is_real(number) else self.synthetic
        return stream.sample(self.interleaving.number_within(number))
