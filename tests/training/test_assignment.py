"""Scans are shared out among the processes that make samples, also where several processes train together."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from flarecli.training.parallel.shared_stream import SharedStream
from flarecli.training.samples.assignment import Assignment
from flarecli.training.samples.loader import SampleLoader
from flarecli.training.samples.mixture.stream import Interleaving, MixedSchedule
from flarecli.training.samples.schedule import ScanSchedule, Schedule
from tests.training.streams import MakerStream

pytestmark = pytest.mark.any_backend


@dataclass(frozen=True)
class Scheduled:
    """A stream whose samples are not made."""

    schedule: Any

    def sample(self, number: int) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("workers", [3, 4])
@pytest.mark.parametrize("reuse", [1, 4])
@pytest.mark.parametrize(("processes", "batch"), [(1, 1), (4, 1), (8, 2), (4, 5)])
def test_every_worker_has_its_share_of_the_scans(processes: int, batch: int, reuse: int, workers: int) -> None:
    for rank, first in ((0, 0), (processes - 1, 1237)):
        schedule = SharedStream(Scheduled(Schedule(reuse, 7)), batch, rank, processes).schedule
        check_shares(schedule, workers, first)


def test_every_worker_has_its_share_of_a_mixture() -> None:
    whole = Scheduled(MixedSchedule(Interleaving(0.5), Schedule(2, 7), Schedule(4, 7)))
    for rank in range(2):
        check_shares(SharedStream(whole, 1, rank, 2).schedule, 4, 0)


def check_shares(schedule: ScanSchedule, workers: int, first: int) -> None:
    """One worker makes all samples of a scan, and scans go to the workers in turn."""
    assignment = Assignment(schedule, workers)
    makers = defaultdict(set)
    for number in range(first, first + 300):
        makers[schedule.scan_of(number)].add(assignment.worker_of(number))
    assert all(len(made_by) == 1 for made_by in makers.values())
    assert [next(iter(made_by)) for made_by in makers.values()] == [turn % workers for turn in range(len(makers))]


def test_no_more_scans_are_remembered_than_are_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flarecli.training.samples.assignment._REMEMBERED", 30)
    assignment = Assignment(Schedule(4, 7), 3)
    expected = Assignment(Schedule(4, 7), 3)
    for number in range(300):
        assert assignment.worker_of(number) == expected.worker_of(number)
    assert len(assignment._worker_of_scan) == 30


def test_all_workers_make_samples_where_several_processes_train() -> None:
    share = SharedStream(MakerStream(Schedule()), batch=1, rank=1, processes=2)
    with SampleLoader(share, 7, workers=2) as loader:
        samples = list(islice(loader, 40))
    assert [number for number, _ in samples] == [2 * number + 1 for number in range(7, 47)]
    assert list(Counter(pid for _, pid in samples).values()) == [20, 20]


@dataclass(frozen=True)
class OneScan:
    """A schedule that uses one scan for ever."""

    reuse: int = 2
    settling_samples: int = 0

    def scan_of(self, sample: int) -> int:
        return 0


def test_a_worker_without_samples_waits() -> None:
    with SampleLoader(MakerStream(OneScan()), 0, workers=2) as loader:
        assert len({pid for _, pid in islice(loader, 20)}) == 1
        idle, asleep, until = loader._children[1].pid, 0, time.monotonic() + 60
        while asleep < 10:
            assert time.monotonic() < until, "it computes"
            asleep = asleep + 1 if state_of(idle) == "S" else 0
            time.sleep(0.05)


def state_of(pid: int) -> str:
    """Of the main thread: "S" while it waits, "R" while it computes or would."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
