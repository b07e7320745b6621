"""What the networks of all backends share: one volume, or a batch of slices, as the model's input has it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class BatchedNetwork(ABC):
    """A `flarecli.systems.base.Network` around a function from batch to batch.

    Attributes:
        takes_volumes: Whether a call is one volume without a batch axis; a batch of slices otherwise.
    """

    def __init__(self, takes_volumes: bool) -> None:
        self.takes_volumes = takes_volumes

    def __call__(self, image: np.ndarray) -> np.ndarray:
        if not self.takes_volumes:
            return self._scores(np.ascontiguousarray(image, dtype=np.float32))
        channels = image[None] if image.ndim == 3 else image
        return self._scores(np.ascontiguousarray(channels[None], dtype=np.float32))[0]

    @abstractmethod
    def _scores(self, batch: np.ndarray) -> np.ndarray:
        """Float32 scores of a batch, both channels first, in an array of their own."""
