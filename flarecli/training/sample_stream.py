"""Scans made beside the training: worker processes generate them, a pool mixes them, samples are cut on demand."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np

from flarecli.training.recipes import Recipe
from flarecli.training.samples import LabelledScan, Sample, cut_sample, synthetic_scan

_PATIENCE_S = 5.0


class SampleStream:
    """An endless stream of samples from synthetic scans that other processes generate while the network trains.

    From each scan `recipe.reuse` samples are cut on average, mixed with those of the other scans of a pool, so that
    a slow generator does not hold up the training.

    Args:
        recipe: What samples to make.
        seed: Seed of the stream; worker k uses the k-th child of it.
        workers: Number of generating processes.
        pool_size: Number of scans kept in memory.
    """

    def __init__(self, recipe: Recipe, seed: int, workers: int = 1, pool_size: int = 24) -> None:
        self._recipe = recipe
        self._pool_size = pool_size
        self._rng = np.random.default_rng(seed)
        context = multiprocessing.get_context("spawn")
        self._queue: Any = context.Queue(maxsize=4)
        self._processes = [
            context.Process(target=_generate, args=(recipe, worker_seed, self._queue), daemon=True)
            for worker_seed in np.random.SeedSequence(seed).spawn(workers)
        ]

    def __enter__(self) -> SampleStream:
        for process in self._processes:
            process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()
        self._queue.cancel_join_thread()
        self._queue.close()

    def __iter__(self) -> Iterator[Sample]:
        pool: list[LabelledScan] = []
        cut_since_new = 0
        while True:
            growing = len(pool) < self._pool_size and not self._queue.empty()
            if not pool or growing or cut_since_new >= self._recipe.reuse:
                scan = self._queue.get()
                cut_since_new = 0
                if len(pool) < self._pool_size:
                    pool.append(scan)
                else:
                    pool[self._rng.integers(len(pool))] = scan
            cut_since_new += 1
            yield cut_sample(pool[self._rng.integers(len(pool))], self._recipe, self._rng)


def _generate(recipe: Recipe, seed: np.random.SeedSequence, scans: Any) -> None:
    """Fill the queue for as long as the training process lives, also where that was killed."""
    rng = np.random.default_rng(seed)
    trainer = multiprocessing.parent_process()
    while True:
        scan = synthetic_scan(recipe, int(rng.integers(2**63)))
        while True:
            try:
                scans.put(scan, timeout=_PATIENCE_S)
                break
            except queue.Full:
                if trainer is None or not trainer.is_alive():
                    scans.cancel_join_thread()
                    return
