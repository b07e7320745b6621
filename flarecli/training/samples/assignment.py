"""Which worker process makes each sample."""

from __future__ import annotations

from collections import OrderedDict

from flarecli.training.samples.schedule import ScanSchedule

_REMEMBERED = 10_000
"""Scans whose worker is remembered; no process holds so many. The samples of one that is forgotten are the same ones,
made by another worker."""


class Assignment:
    """Gives scans to workers in turn, in the order in which they are first used; a scan keeps its worker.

    So each worker has its share whatever the numbers of the scans are: of several processes that train together, one
    may have every fourth scan only.

    Args:
        schedule: Scan of each sample.
        workers: Number of workers.
    """

    def __init__(self, schedule: ScanSchedule, workers: int) -> None:
        self._schedule = schedule
        self._workers = workers
        self._given = 0
        self._worker_of_scan: OrderedDict[int, int] = OrderedDict()

    def worker_of(self, sample: int) -> int:
        """Number of the worker, from 0, that makes a sample; asked for in rising order."""
        scan = self._schedule.scan_of(sample)
        if scan not in self._worker_of_scan:
            self._worker_of_scan[scan] = self._given % self._workers
            self._given += 1
        self._worker_of_scan.move_to_end(scan)
        if len(self._worker_of_scan) > _REMEMBERED:
            self._worker_of_scan.popitem(last=False)
        return self._worker_of_scan[scan]
