"""Counts the bytes of PyTorch's tensors that are alive, on the processor in the place of a device."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from flarecli.engine.slabs.torch_device import TorchSlabDevice


class LiveTensors(TorchDispatchMode):
    """Peak of all tensors that operations gave while it is active, each storage counted once.

    What an operation takes within itself is not seen.

    Attributes:
        peak_bytes: The most that was alive at a time, without what stands for the computer's memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak_bytes = 0
        self._live_bytes = 0
        self._holders: Counter[int] = Counter()
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._hold(tensor)
        self.peak_bytes = max(self.peak_bytes, self._live_bytes)
        return result

    def discount(self, tensor: torch.Tensor) -> None:
        """Take a tensor for one in the computer's memory."""
        storage = tensor.untyped_storage()._cdata
        self._live_bytes -= self._sizes.get(storage, 0)
        self._sizes[storage] = 0
        # It is a host's as long as anybody holds it.
        self._holders[storage] += 1
        weakref.finalize(tensor, self._let_go, storage)

    def _hold(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if not self._holders[key]:
            self._sizes[key] = storage.nbytes()
            self._live_bytes += self._sizes[key]
        self._holders[key] += 1
        weakref.finalize(tensor, self._let_go, key)

    def _let_go(self, key: int) -> None:
        self._holders[key] -= 1
        if not self._holders[key]:
            self._live_bytes -= self._sizes.pop(key)


class WatchedDevice(TorchSlabDevice):
    """A device on the processor, whose host tensors do not count."""

    def __init__(self, live: LiveTensors) -> None:
        super().__init__("cpu")
        self._live = live

    def host_of(self, batch: Any) -> Any:
        host = super().host_of(batch)
        self._live.discount(host)
        return host

    def new_host(self, like: Any, row_count: int) -> Any:
        peak_bytes = self._live.peak_bytes
        host = super().new_host(like, row_count)
        self._live.discount(host)
        self._live.peak_bytes = peak_bytes
        return host
