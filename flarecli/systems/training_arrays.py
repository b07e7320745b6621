"""Training arrays of a system: the interface between systems and the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from flarecli.volume import Volume


@dataclass(frozen=True)
class NetworkArrays:
    """The training arrays of one case for one network.

    Attributes:
        image: Shape (z, y, x) in the orientation of the network: int16 HU.
        labels: uint8 array of the same shape: FLARE labels, 0 background, 1 to 4 the organs.
        spacing_mm: Distance of voxel centres along the three axes of the arrays.
    """

    image: np.ndarray
    labels: NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]


class TrainingArrays(Protocol):
    """How a system turns a labelled scan into the arrays of its networks."""

    @property
    def networks(self) -> tuple[str, ...]:
        """Keys of the system's networks."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """Every number that determines the arrays, JSON-serialisable: part of the cache's keys, like the code."""
        ...

    def prepare(self, volume: Volume, labels: NDArray[np.uint8]) -> dict[str, NetworkArrays]:
        """Make the arrays of every network; networks that share theirs get the same object, which is stored once.

        Args:
            volume: The scan.
            labels: FLARE labels on its canonical grid, shape (z, y, x); at least one organ is present.
        """
        ...


def whole_hu(image_hu: np.ndarray) -> NDArray[np.int16]:
    """Float HU rounded half away from zero to int16, as the training programs store them; in place, then one copy."""
    away_from_zero = np.copysign(np.float32(0.5), image_hu)
    image_hu += away_from_zero
    limits = np.iinfo(np.int16)
    return np.clip(image_hu, limits.min, limits.max, out=image_hu).astype(np.int16)
