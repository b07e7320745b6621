"""Small scans and caches for the tests of training, without a backend: processes that make samples import this."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flarecli.preprocessing.cache import CachedCase
from flarecli.training.views.scan import LabelledScan


def labelled_scan(number: int = 0, shape: tuple[int, int, int] = (20, 24, 28), spacing: float = 8.0) -> LabelledScan:
    """Four boxes, each with an intensity of its own, in soft noise."""
    rng = np.random.default_rng(number)
    labels = np.zeros(shape, np.uint8)
    z, y, x = shape
    labels[z // 4 : z // 2, y // 4 : y // 2, x // 8 : x // 2] = 1
    labels[z // 4 : z // 2, y // 2 : 3 * y // 4, x // 4 : x // 2] = 2
    labels[z // 2 : 3 * z // 4, y // 4 : y // 2, x // 2 : 3 * x // 4] = 3
    labels[z // 2 : 3 * z // 4, y // 2 : 3 * y // 4, x // 3 : x // 2] = 4
    hu = np.array([-200, 100, 180, 260, 340])[labels] + rng.normal(0, 5, shape)
    return LabelledScan(number, hu.astype(np.int16), labels, (spacing,) * 3)


@dataclass(frozen=True)
class FakeCache:
    """As `flarecli.preprocessing.cache.TrainingCache`, without files."""

    names: tuple[str, ...]
    system: str = "efficientscn"
    networks: tuple[str, ...] = ("localization", "segmentation")
    figures: dict[str, Any] = field(default_factory=dict)
    depth: int = 20
    contents: str = ""

    def key_of(self, name: str) -> str:
        return f"{self.contents}{name}"

    def load(self, name: str, network: str) -> CachedCase:
        scan = labelled_scan(int(name.split("_")[-1]), (self.depth, 24, 28))
        return CachedCase(name, scan.image, scan.labels, scan.spacing_mm)


def fake_cache(count: int, **changes: Any) -> FakeCache:
    """Cases case_000, case_001, ..."""
    return FakeCache(tuple(f"case_{number:03d}" for number in range(count)), **changes)
