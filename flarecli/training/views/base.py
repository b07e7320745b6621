"""Views: how training samples are cut from scans, and how a network is applied to whole scans in validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from flarecli.training.views.scan import LabelledScan, Sample

ScoresOf = Callable[[Sample], np.ndarray]
"""Runs the network on a sample: scores (channels, z, y, x), or (slices, channels, y, x)."""

Decode = Callable[[np.ndarray], np.ndarray]
"""Label values from scores (channels, ...)."""


class View(Protocol):
    """A view of scans; a frozen dataclass, whose fields are settings of a recipe."""

    @property
    def has_fixed_shape(self) -> bool:
        """Whether all samples have the same shape, so that several make a batch."""
        ...

    @property
    def channel_axis(self) -> int:
        """Axis of the channels in the scores that `segment` asks for: 0, or 1 where the first one counts slices."""
        ...

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """Size of the input that the network is built for; None where it is built for any."""
        ...

    @property
    def axis_sizes(self) -> tuple[int, ...]:
        """Every size that an input can have along an axis; of whole scans the multiple that theirs are filled to."""
        ...

    def scan_of(
        self, number: int, hu: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float, float]
    ) -> LabelledScan:
        """A scan in the form that this view takes, from canonical arrays (z, y, x), int16 HU and uint8 labels."""
        ...

    def cut(self, scan: LabelledScan, rng: np.random.Generator) -> Sample:
        """A random, augmented sample, with FLARE labels."""
        ...

    def segment(self, scan: LabelledScan, scores_of: ScoresOf, decode: Decode) -> np.ndarray:
        """Apply a network to the whole scan without augmentation; uint8 values on the scan's own grid."""
        ...
