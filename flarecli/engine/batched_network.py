"""Base class of the networks of all backends: converts a volume, or a batch of slices, to the model's input."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class BatchedNetwork(ABC):
    """A `flarecli.systems.base.Network` around a function from batch to batch.

    Attributes:
        takes_volumes: Whether a call is one volume without a batch axis; a batch of slices otherwise.
        constant_layers: Names of layers whose weights are one constant; see `flarecli.engine.weights.values`.
    """

    def __init__(self, takes_volumes: bool) -> None:
        self.takes_volumes = takes_volumes
        self.constant_layers: tuple[str, ...] = ()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        batch = np.ascontiguousarray(image.reshape(self._batch_shape(image.shape)), dtype=np.float32)
        scores = self._scores(batch)
        return scores[0] if self.takes_volumes else scores

    def _batch_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the batch, channels first, that an image of this shape becomes."""
        if not self.takes_volumes:
            return shape
        return (1, 1, *shape) if len(shape) == 3 else (1, *shape)

    @abstractmethod
    def _scores(self, batch: np.ndarray) -> np.ndarray:
        """Float32 scores of a batch, both channels first, in an array of their own."""
