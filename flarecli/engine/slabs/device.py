"""Interface to a framework's device for running in slabs: copies in both directions, and moments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from flarecli.engine.slabs.row_rules import Rows
from flarecli.engine.slabs.running_moments import SlabMoments


class SlabDevice(ABC):
    """Moves rows of tensors between the computer's memory ("host") and the device that computes.

    Attributes:
        axis: Axis of the rows in the framework's layout.
    """

    axis: int

    @abstractmethod
    def inference(self) -> AbstractContextManager[Any]:
        """Context in which networks run."""

    @abstractmethod
    def host_of(self, batch: np.ndarray) -> Any:
        """A batch, channels first, as a host tensor in the framework's layout."""

    @abstractmethod
    def new_host(self, like: Any, row_count: int) -> Any:
        """An empty host tensor with so many rows, otherwise like a tensor on the device."""

    @abstractmethod
    def load(self, host: Any, rows: Rows) -> Any:
        """Rows of a host tensor on the device, in memory of their own."""

    @abstractmethod
    def store(self, value: Any, host: Any, start: int) -> None:
        """Copy rows from the device into a host tensor, from row `start` on."""

    @abstractmethod
    def rows(self, value: Any, start: int, stop: int) -> Any:
        """Some rows of a tensor on the device; where the framework can, without a copy."""

    @abstractmethod
    def scores_of(self, host: Any) -> np.ndarray:
        """A host tensor as a float32 array, channels first."""

    @abstractmethod
    def operation(self, operation: Any, *, may_overwrite: bool) -> Any:
        """What computes an operation of a model in inference; its input may be overwritten where that is said."""

    @abstractmethod
    def moments(self, value: Any) -> SlabMoments:
        """Moments of rows on the device."""

    @abstractmethod
    def normalised(self, value: Any, mean: np.ndarray, factor: np.ndarray, offset: np.ndarray) -> Any:
        """`(value - mean) * factor + offset`, computed in float32, in the dtype of the value."""

    @abstractmethod
    def is_out_of_memory(self, error: BaseException) -> bool:
        """Whether an error says that the device's memory is full."""

    @abstractmethod
    def release(self) -> None:
        """Release memory that the framework caches."""

    @abstractmethod
    def resident_bytes(self, weights_bytes: int) -> int:
        """Bytes in use between runs: the weights of all networks where the framework tells, else `weights_bytes`."""
