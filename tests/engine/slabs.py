"""Running models in slabs in tests: on the processor, which stands in for a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

from flarecli.engine.memory_limited_network import slab_device
from flarecli.engine.runtime import Runtime, start_runtime
from tests.models import model_checks as checks

if TYPE_CHECKING:
    from flarecli.engine.slabs import SlabRun
    from flarecli.engine.slabs.device import SlabDevice

PLENTY_BYTES = 10**12


def one_thread() -> Runtime:
    """The backend in use; small tensors wait for their threads longer than they compute."""
    return start_runtime(checks.BACKEND, "cpu", "float32", threads=1)


def full_memory() -> Exception:
    """The framework's own error of a device whose memory is full."""
    if checks.BACKEND == "torch":
        import torch

        return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    import tensorflow

    return tensorflow.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


def slab_run(model: keras.Model, output: str | None = None, device: SlabDevice | None = None) -> SlabRun:
    """The model in slabs."""
    from flarecli.engine.slabs import SlabRun

    return SlabRun(model, output, device or slab_device(one_thread()))


def noise(*shape: int) -> np.ndarray:
    """A batch, channels first, for a model's input."""
    return np.random.default_rng(31).normal(0.0, 1.0, shape).astype(np.float32)


def seeded(model: keras.Model) -> keras.Model:
    """The model with random weights."""
    return checks.with_weights(model, checks.seeded_weights(model, seed=32))


def assert_same(actual: np.ndarray, expected: np.ndarray, largest_share: float) -> None:
    """No further apart than a share of the largest score, and of the same labels."""
    assert actual.shape == expected.shape
    assert actual.dtype == np.float32
    assert np.abs(actual - expected).max() <= largest_share * np.abs(expected).max()
    np.testing.assert_array_equal(actual.argmax(axis=1), expected.argmax(axis=1))
