"""The samples of a run by number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from flarecli.training.randomness import Purpose, generator
from flarecli.training.samples.scan_source import ScanSource
from flarecli.training.samples.schedule import ScanSchedule, Schedule
from flarecli.training.targets import Target
from flarecli.training.views import View
from flarecli.training.views.scan import LabelledScan, Sample


class Stream(Protocol):
    """The samples of a run, by number."""

    @property
    def schedule(self) -> ScanSchedule:
        """Scan, or patient, of each sample."""
        ...

    def sample(self, number: int) -> Any:
        """Sample `number`, counted from 0: the same in every process."""
        ...


@dataclass
class SampleStream:
    """All samples of a run. Sample k depends on the seed and on k only, not on the process or the order.

    Holds the scans that later samples need, so samples are best requested in ascending order.

    Attributes:
        source: The scans.
        view: How samples are cut from them.
        target: Training target.
        schedule: Scan of each sample.
        seed: Seed of the run.
        is_partial: Whether the surroundings are not labelled (partial labels).
    """

    source: ScanSource
    view: View
    target: Target
    schedule: Schedule
    seed: int
    is_partial: bool = False
    _scans: dict[int, LabelledScan] = field(default_factory=dict, repr=False)

    def sample(self, number: int) -> Sample:
        """Sample `number`, counted from 0."""
        oldest = self.schedule.oldest_needed(number)
        for held in [held for held in self._scans if held < oldest]:
            del self._scans[held]
        wanted = self.schedule.scan_of(number)
        if wanted not in self._scans:
            self._scans[wanted] = self.source.scan(wanted)
        cut = self.view.cut(self._scans[wanted], generator(self.seed, Purpose.CUT, number))
        return Sample(cut.image, self.target.encoded(cut.labels, is_partial=self.is_partial), cut.first_stage)
