"""Slabs on TensorFlow, which runs them eagerly; channels last; host tensors are arrays."""

from __future__ import annotations

import contextlib
import gc
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from flarecli.engine.slabs.device import SlabDevice
from flarecli.engine.slabs.row_rules import Rows
from flarecli.engine.slabs.running_moments import SlabMoments


class TensorFlowSlabDevice(SlabDevice):
    """TensorFlow on its default device."""

    axis = 1

    def inference(self) -> AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def host_of(self, batch: np.ndarray) -> Any:
        return np.ascontiguousarray(np.moveaxis(batch, 1, -1))

    def new_host(self, like: Any, row_count: int) -> Any:
        shape = [row_count if axis == self.axis else size for axis, size in enumerate(like.shape)]
        return np.empty(shape, like.dtype.as_numpy_dtype)

    def load(self, host: Any, rows: Rows) -> Any:
        import tensorflow

        # An array of its own: TensorFlow may keep using the memory of its input.
        return tensorflow.convert_to_tensor(host[:, rows.start : rows.stop].copy())

    def store(self, value: Any, host: Any, start: int) -> None:
        host[:, start : start + value.shape[self.axis]] = value.numpy()

    def rows(self, value: Any, start: int, stop: int) -> Any:
        return value[:, start:stop]

    def scores_of(self, host: Any) -> np.ndarray:
        return np.moveaxis(np.asarray(host, np.float32), -1, 1)

    def operation(self, operation: Any, *, may_overwrite: bool) -> Any:
        return operation

    def moments(self, value: Any) -> SlabMoments:
        import tensorflow

        values = tensorflow.cast(value, tensorflow.float32)
        mean = self._mean(values)
        variance = self._mean(tensorflow.math.squared_difference(values, mean))
        return SlabMoments(mean.numpy().astype(np.float64), variance.numpy().astype(np.float64))

    def normalised(self, value: Any, mean: np.ndarray, factor: np.ndarray, offset: np.ndarray) -> Any:
        import tensorflow

        result = (tensorflow.cast(value, tensorflow.float32) - mean) * factor + offset
        return tensorflow.cast(result, value.dtype)

    def is_out_of_memory(self, error: BaseException) -> bool:
        import tensorflow

        return isinstance(error, tensorflow.errors.ResourceExhaustedError)

    def release(self) -> None:
        gc.collect()

    def resident_bytes(self, weights_bytes: int) -> int:
        import tensorflow

        if not tensorflow.config.list_logical_devices("GPU"):
            return weights_bytes
        return int(tensorflow.config.experimental.get_memory_info("GPU:0")["current"])

    def _mean(self, values: Any) -> Any:
        """Mean over all but samples and channels, one axis after the other: a single float32 sum is not exact."""
        import tensorflow

        for axis in reversed(range(1, len(values.shape) - 1)):
            values = tensorflow.reduce_mean(values, axis=axis, keepdims=True)
        return values
