"""Peak GPU memory as the framework's own allocator counts it."""

from __future__ import annotations

import sys


class AllocatorPeak:
    """Peak of the allocator of PyTorch or TensorFlow on the first visible GPU, between marks.

    It counts tensors, not the CUDA context, the libraries' workspaces outside it, or blocks kept in reserve. None
    where the framework has no GPU; always None on OpenVINO, which runs on the processor.
    """

    def __init__(self) -> None:
        self.ready = False
        """Set once the networks are loaded: asking a framework that is still being set up would settle its devices."""

    def mark(self) -> float | None:
        """Peak in MB (10^6 bytes) since the last mark; resets the mark."""
        if not self.ready:
            return None
        for framework, peak in (("torch", _torch_peak_bytes), ("tensorflow", _tensorflow_peak_bytes)):
            if framework in sys.modules:
                count = peak()
                if count is not None:
                    return count / 1e6
        return None


def _torch_peak_bytes() -> int | None:
    import torch

    if not torch.cuda.is_initialized():
        return None
    peak = int(torch.cuda.max_memory_allocated())
    torch.cuda.reset_peak_memory_stats()
    return peak


def _tensorflow_peak_bytes() -> int | None:
    import tensorflow

    if not tensorflow.config.list_logical_devices("GPU"):
        return None
    peak = int(tensorflow.config.experimental.get_memory_info("GPU:0")["peak"])
    tensorflow.config.experimental.reset_memory_stats("GPU:0")
    return peak
