"""Interface to a framework's device for running in slabs: transfers in both directions, and moments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from flarecli.engine.slabs.row_rules import Rows
from flarecli.engine.slabs.running_moments import SlabMoments


class SlabDevice(ABC):
    """Transfers rows of tensors between host memory and the device.

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
        """An empty host tensor with `row_count` rows, otherwise like a tensor on the device."""

    @abstractmethod
    def load(self, host: Any, rows: Rows) -> Any:
        """Copy rows of a host tensor to the device."""

    @abstractmethod
    def store(self, value: Any, host: Any, start: int) -> None:
        """Copy rows from the device into a host tensor, from row `start` on."""

    @abstractmethod
    def rows(self, value: Any, start: int, stop: int) -> Any:
        """Rows of a tensor on the device; a view where the framework has views."""

    @abstractmethod
    def scores_of(self, host: Any) -> np.ndarray:
        """A host tensor as a float32 array, channels first."""

    @abstractmethod
    def operation(self, operation: Any, *, may_overwrite: bool) -> Any:
        """The function of an operation of a model in inference; it may work in place where `may_overwrite`."""

    @abstractmethod
    def moments(self, value: Any) -> SlabMoments:
        """Moments of rows on the device."""

    @abstractmethod
    def normalised(self, value: Any, mean: np.ndarray, factor: np.ndarray, offset: np.ndarray) -> Any:
        """`(value - mean) * factor + offset`, computed in float32, in the dtype of the value."""

    @abstractmethod
    def is_out_of_memory(self, error: BaseException) -> bool:
        """Whether an error means that the device is out of memory."""

    @abstractmethod
    def release(self) -> None:
        """Release memory that the framework caches."""

    @abstractmethod
    def resident_bytes(self, weights_bytes: int) -> int:
        """Bytes in use between runs: as the framework reports them, else `weights_bytes`."""
