"""Mean and variance of a tensor, accumulated slab by slab, and normalisation with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flarecli_models.layers import PerImageNormalization


@dataclass(frozen=True)
class SlabMoments:
    """Moments of some rows.

    Attributes:
        mean: Float64, mean of each sample and channel; the axes of rows, lines and places have size 1.
        variance: Likewise, the biased variance.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


class RunningMoments:
    """Combines the moments of slabs, in float64 and without differences of large sums.

    Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1982.
    """

    def __init__(self) -> None:
        self._weight = 0
        self._mean: Any = 0.0
        self._variance: Any = 0.0

    def add(self, slab: SlabMoments, weight: int) -> None:
        """Add a slab, weighted by its number of rows."""
        total = self._weight + weight
        share = weight / total
        distance = slab.mean - self._mean
        between = distance**2 * share * (1 - share)
        self._variance = self._variance * (1 - share) + slab.variance * share + between
        self._mean = self._mean + distance * share
        self._weight = total

    def normalisation(self, layer: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A normalising layer as `(x - mean) * factor + offset`: three float32 arrays.

        Args:
            layer: One of `flarecli.engine.slabs.treatment.STATISTICS`.
        """
        factor = 1.0 / np.sqrt(self._variance + layer.epsilon)
        offset = np.zeros_like(factor)
        if isinstance(layer, PerImageNormalization):
            per_channel = [-1 if axis == layer.axis % factor.ndim else 1 for axis in range(factor.ndim)]
            factor = factor * _array(layer.gamma).reshape(per_channel)
            offset = offset + _array(layer.beta).reshape(per_channel)
        mean, factor, offset = (np.asarray(values, np.float32) for values in (self._mean, factor, offset))
        return mean, factor, offset


def _array(variable: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable.value), np.float64)
