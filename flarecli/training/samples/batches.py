"""From samples to inputs of the network: channels, the first stage's scores, the backend's layout."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from flarecli.resample import resample_separable, sampled_matrix
from flarecli.systems.base import Network
from flarecli.training.randomness import Purpose, generator
from flarecli.training.recipe import FirstStageSettings
from flarecli.training.views.scan import FirstStageView, Sample

_AFTER_SCANS = 2**40
"""Offset of the random numbers for dropped scores from those for changes of the first stage's input."""

_HELD_SCORES = 32
"""Number of scans whose first-stage scores are cached, for further samples of the same scans."""


class Batches(Protocol):
    """Makes batches of samples."""

    def batch(self, samples: Sequence[Any]) -> tuple[Any, Any]:
        """Float32 inputs and uint8 label values, both with a channel axis, on any device."""
        ...


class BatchBuilder:
    """Builds inputs and targets.

    Args:
        channel_axis: Channel axis of the model, 1 or -1.
        first_stage: Network whose class scores become further channels of the input, computed from the scan that the
            sample was cut from, without augmentation.
        settings: Which of its scores are input.
    """

    def __init__(
        self,
        channel_axis: int,
        first_stage: Network | None = None,
        settings: FirstStageSettings | None = None,
    ) -> None:
        self._axis = channel_axis
        self._first_stage = first_stage
        self._settings = settings or FirstStageSettings("")
        self._held: OrderedDict[int, np.ndarray] = OrderedDict()

    def batch(self, samples: Sequence[Sample]) -> tuple[np.ndarray, np.ndarray]:
        """Float32 inputs and uint8 label values, both with a channel axis."""
        images = np.stack([self.channels(sample) for sample in samples])
        values = np.stack([sample.labels[None] for sample in samples])
        if self._axis == 1:
            return images, values
        return np.ascontiguousarray(np.moveaxis(images, 1, -1)), np.moveaxis(values, 1, -1)

    def channels(self, sample: Sample) -> np.ndarray:
        """The image with the first stage's scores, (channels, z, y, x); the image alone where there is none."""
        if self._first_stage is None or sample.first_stage is None:
            return sample.image
        seen = sample.first_stage
        scores = self._scores(seen)
        rows = [
            sampled_matrix(size, start + step * np.arange(count))
            for start, step, count, size in zip(
                seen.start_zyx, seen.step_zyx, sample.labels.shape, seen.image.shape, strict=True
            )
        ]
        return np.concatenate([sample.image, *(resample_separable(score, *rows)[None] for score in scores)])

    def _scores(self, seen: FirstStageView) -> np.ndarray:
        """Scores of the whole scan, computed once a scan."""
        if seen.scan_number in self._held:
            self._held.move_to_end(seen.scan_number)
            return self._held[seen.scan_number]
        if self._first_stage is None:
            raise ValueError("there is no first stage")
        scores = self._first_stage(seen.image)
        if not self._settings.with_background:
            scores = np.array(scores[1:])
        if seen.scan_number >= 0 and self._settings.lost_share:
            rng = generator(0, Purpose.FIRST_STAGE, seen.scan_number + _AFTER_SCANS)
            if rng.random() < self._settings.lost_share:
                scores[int(rng.integers(len(scores)))] = 0
        self._held[seen.scan_number] = scores
        if len(self._held) > _HELD_SCORES:
            self._held.popitem(last=False)
        return scores
