"""Limiting GPU memory: what is left to the allocator, what is refused, and what the frameworks are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flarecli.engine import gpu_limit, start_runtime
from flarecli.errors import UsageError
from flarecli.hardware.nvml import GpuReading, NoGpu
from tests.models import model_checks as checks

on_torch = pytest.mark.skipif(checks.BACKEND != "torch", reason="about PyTorch")
on_tensorflow = pytest.mark.skipif(checks.BACKEND != "tensorflow", reason="about TensorFlow")


def test_a_limit_without_a_gpu_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a GPU") as caught:
        start_runtime(checks.BACKEND, "cpu", max_gpu_mb=1500)
    assert caught.value.seen == f"--max-gpu-mb 1500 with {checks.BACKEND} on the CPU"
    assert caught.value.exit_code == 2


@pytest.fixture
def fractions(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A GPU of 10 GB in PyTorch's eyes; the fractions of it that are allowed."""
    import torch

    allowed: list[float] = []
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=10**10))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", allowed.append)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 20e6)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    zeros = torch.zeros
    monkeypatch.setattr(torch, "zeros", lambda shape, device: zeros(shape))
    return allowed


def nvml_that_tells(process_mb: float | None) -> Any:
    """A stand-in for `open_gpu`."""
    reading = GpuReading(used_mb=900.0, taken_mib=900.0, process_mb=process_mb, energy_j=None)
    return lambda environment: _FakeGpu(reading)


class _FakeGpu:
    def __init__(self, reading: GpuReading) -> None:
        self.read = lambda pid: reading

    def close(self) -> None:
        pass


@on_torch
def test_the_measured_context_is_taken_off(fractions: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_limit, "open_gpu", nvml_that_tells(420.0))
    assert gpu_limit.limit_torch(1460.0) == pytest.approx(1460.0 - 400.0 - gpu_limit.LATER_KERNELS_MB)
    assert fractions == [pytest.approx(0.1)]


@on_torch
@pytest.mark.parametrize("found", [nvml_that_tells(None), lambda environment: NoGpu("No driver.")])
def test_what_cannot_be_measured_is_assumed(
    found: Any, fractions: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_limit, "open_gpu", found)
    assert gpu_limit.limit_torch(1700.0) == 1700.0 - gpu_limit.ASSUMED_CONTEXT_MB
    assert fractions == [pytest.approx((1700.0 - gpu_limit.ASSUMED_CONTEXT_MB) / 10**4)]


@on_torch
def test_a_limit_below_the_context_is_refused(fractions: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_limit, "open_gpu", nvml_that_tells(420.0))
    with pytest.raises(UsageError, match="leaves nothing for the networks") as caught:
        gpu_limit.limit_torch(300.0)
    assert caught.value.expected == "at least 510 MB"
    assert fractions == []


@on_tensorflow
def test_tensorflow_gets_a_device_of_that_size(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow

    told: list[Any] = []
    config = tensorflow.config
    monkeypatch.setattr(config, "set_visible_devices", lambda devices, kind: told.append((devices, kind)))
    monkeypatch.setattr(config.experimental, "set_memory_growth", lambda gpu, grows: told.append((gpu, grows)))
    monkeypatch.setattr(
        config, "set_logical_device_configuration", lambda gpu, parts: told.append((gpu, parts[0].memory_limit))
    )
    assert gpu_limit.limit_tensorflow(gpu_limit.ASSUMED_CONTEXT_MB + 1048.576, "GPU") == pytest.approx(1048.576)
    assert told == [(["GPU"], "GPU"), ("GPU", False), ("GPU", 1000)]
