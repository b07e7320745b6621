"""Slabs on PyTorch: channels first; host tensors are pinned for a GPU, so that transfers need no staging copy."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from flarecli.engine.slabs.device import SlabDevice
from flarecli.engine.slabs.row_rules import Rows
from flarecli.engine.slabs.running_moments import SlabMoments
from flarecli_models.torch_operations import torch_operation

_CHANNELS = 1
_LIBRARIES_OUT_OF_MEMORY = ("CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED")
"""How cuDNN's and cuBLAS's own allocations fail, which PyTorch raises as plain `RuntimeError`."""


class TorchSlabDevice(SlabDevice):
    """PyTorch on a device.

    Copies to and from a GPU are queued behind the computations on its stream: what is stored is complete for later
    loads at once, and for the processor after `scores_of`.

    Args:
        device: Name of the device, as PyTorch has it.
    """

    axis = 2

    def __init__(self, device: str) -> None:
        self._device = device
        self._is_gpu = device.startswith("cuda")

    def inference(self) -> AbstractContextManager[Any]:
        import torch

        mode: AbstractContextManager[Any] = torch.inference_mode()
        return mode

    def host_of(self, batch: np.ndarray) -> Any:
        import torch

        host = torch.from_numpy(batch)
        return host.pin_memory() if self._is_gpu else host

    def new_host(self, like: Any, row_count: int) -> Any:
        import torch

        shape = [row_count if axis == self.axis else size for axis, size in enumerate(like.shape)]
        return torch.empty(shape, dtype=like.dtype, pin_memory=self._is_gpu)

    def load(self, host: Any, rows: Rows) -> Any:
        import torch

        part = self.rows(host, rows.start, rows.stop)
        value = torch.empty(part.shape, dtype=part.dtype, device=self._device)
        self._copy(part, value)
        return value

    def store(self, value: Any, host: Any, start: int) -> None:
        self._copy(value, self.rows(host, start, start + value.shape[self.axis]))

    def rows(self, value: Any, start: int, stop: int) -> Any:
        return value.narrow(self.axis, start, stop - start)

    def scores_of(self, host: Any) -> np.ndarray:
        import torch

        if self._is_gpu:
            torch.cuda.synchronize(self._device)
        scores: np.ndarray = host.float().numpy()
        return scores

    def operation(self, operation: Any, *, may_overwrite: bool) -> Any:
        return torch_operation(operation, may_overwrite=may_overwrite) or operation

    def moments(self, value: Any) -> SlabMoments:
        import torch

        within = [axis for axis in range(value.ndim) if axis not in (0, _CHANNELS)]
        variance, mean = torch.var_mean(value.float(), dim=within, correction=0, keepdim=True)
        return SlabMoments(mean.double().cpu().numpy(), variance.double().cpu().numpy())

    def normalised(self, value: Any, mean: np.ndarray, factor: np.ndarray, offset: np.ndarray) -> Any:
        import torch

        on_device = [torch.from_numpy(values).to(self._device) for values in (mean, factor, offset)]
        return (value.float() - on_device[0]).mul_(on_device[1]).add_(on_device[2]).to(value.dtype)

    def is_out_of_memory(self, error: BaseException) -> bool:
        import torch

        text = str(error)
        return isinstance(error, torch.OutOfMemoryError) or (
            isinstance(error, RuntimeError) and any(sign in text for sign in _LIBRARIES_OUT_OF_MEMORY)
        )

    def release(self) -> None:
        import torch

        gc.collect()
        if self._is_gpu:
            torch.cuda.empty_cache()

    def resident_bytes(self, weights_bytes: int) -> int:
        import torch

        return int(torch.cuda.memory_allocated(self._device)) if self._is_gpu else weights_bytes

    def _copy(self, source: Any, target: Any) -> None:
        if not self._is_gpu:
            target.copy_(source)
            return
        # Rows of one channel lie together on both sides: no copy in between is made.
        for sample in range(source.shape[0]):
            for channel in range(source.shape[_CHANNELS]):
                target[sample, channel].copy_(source[sample, channel], non_blocking=True)
