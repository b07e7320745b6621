"""Scans made beside the training: worker processes generate them, a pool mixes them, samples are cut on demand."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np

from flarecli.training.recipes import Recipe
from flarecli.training.samples import LabelledScan, Sample, cut_sample, synthetic_scan


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
            # A new scan is waited for when those of the pool have been used enough, and taken early when it is there.
            if not pool or cut_since_new >= self._recipe.reuse or not self._queue.empty():
                scan = self._queue.get()
                cut_since_new = 0
                if len(pool) < self._pool_size:
                    pool.append(scan)
                else:
                    pool[self._rng.integers(len(pool))] = scan
            cut_since_new += 1
            yield cut_sample(pool[self._rng.integers(len(pool))], self._recipe, self._rng)


def _generate(recipe: Recipe, seed: np.random.SeedSequence, queue: Any) -> None:
    rng = np.random.default_rng(seed)
    while True:
        queue.put(synthetic_scan(recipe, rng))
