"""Streams of samples for the tests of loaders: their processes import this module, and no backend with it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flarecli.training.samples.schedule import Schedule
from flarecli.training.samples.stream import SampleStream
from flarecli.training.views.scan import LabelledScan, Sample
from tests.training.small_scans import labelled_scan


class BrokenScans:
    """Fails with the third scan."""

    def scan(self, number: int) -> LabelledScan:
        if number == 2:
            raise ValueError("no such scan")
        return labelled_scan(number)


@dataclass(frozen=True)
class LargeStream:
    """Samples of some MB, made at once or not at all."""

    megabytes: int
    last: int = 1000
    schedule: Schedule = field(default_factory=Schedule)

    def sample(self, number: int) -> np.ndarray:
        if number > self.last:
            time.sleep(600)
        return np.full(self.megabytes * 1_000_000, number, np.uint8)


@dataclass(frozen=True)
class MakerStream:
    """Samples that are their number and that of the process that makes them."""

    schedule: Any

    def sample(self, number: int) -> tuple[int, int]:
        return number, os.getpid()


class TooLargeStream(SampleStream):
    """Needs more memory than there is."""

    def __init__(self) -> None:
        self.schedule = Schedule()

    def sample(self, number: int) -> Sample:
        raise MemoryError
