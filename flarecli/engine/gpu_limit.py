"""Limits the GPU memory of a process: the framework may allocate what CUDA's context leaves.

The limit applies to the process's memory as `nvidia-smi` shows it: the context (CUDA's own memory, the kernels of the
loaded libraries) and the memory that the framework's allocator takes from the driver.
"""

from __future__ import annotations

import os
from typing import Any

from flarecli.errors import UsageError
from flarecli.hardware.nvml import NoGpu, open_gpu

ASSUMED_CONTEXT_MB = 700.0
"""Taken for the context where it cannot be measured: on TensorFlow, whose limit must be set before it makes one, and
where NVML does not report the memory of a process. A conservative assumption: contexts with cuDNN loaded are
commonly reported with 300 to 600 MB."""

LATER_KERNELS_MB = 60.0
"""Kept beside a measured context for kernels that CUDA loads when they are first used. Assumed."""

LEAST_ALLOCATOR_MB = 50.0
"""A limit that leaves less than this is refused at once. The weights of the largest system take 48 MB."""


def limit_torch(max_gpu_mb: float) -> float:
    """Limit PyTorch's allocator on the current GPU, and return what it may take, MB (10^6 bytes).

    Raises:
        UsageError: when the context alone takes the limit.
    """
    import torch

    context_mb = _measured_torch_context_mb()
    allocator_mb = _remaining_mb(max_gpu_mb, ASSUMED_CONTEXT_MB if context_mb is None else context_mb)
    total_bytes = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, allocator_mb * 1e6 / total_bytes))
    return allocator_mb


def limit_tensorflow(max_gpu_mb: float, gpu: Any) -> float:
    """Limit TensorFlow's allocator on a GPU, and return what it may take, MB (10^6 bytes).

    Raises:
        UsageError: when the context is taken for more than the limit.
        RuntimeError: when TensorFlow is running already.
    """
    import tensorflow

    allocator_mb = _remaining_mb(max_gpu_mb, ASSUMED_CONTEXT_MB)
    limit_mib = int(allocator_mb * 1e6 / 2**20)
    # A limit excludes growth on demand, and a GPU without one beside a GPU with one is refused.
    tensorflow.config.set_visible_devices([gpu], "GPU")
    tensorflow.config.experimental.set_memory_growth(gpu, False)
    tensorflow.config.set_logical_device_configuration(
        gpu, [tensorflow.config.LogicalDeviceConfiguration(memory_limit=limit_mib)]
    )
    return allocator_mb


def _remaining_mb(max_gpu_mb: float, context_mb: float) -> float:
    remaining_mb = max_gpu_mb - context_mb
    if remaining_mb < LEAST_ALLOCATOR_MB:
        raise UsageError(
            "the limit of GPU memory leaves nothing for the networks",
            seen=f"--max-gpu-mb {max_gpu_mb:g}, of which the GPU's context takes {context_mb:.0f} MB",
            expected=f"at least {context_mb + LEAST_ALLOCATOR_MB:.0f} MB",
            remedy="Raise the limit, or use --device cpu.",
        )
    return remaining_mb


def _measured_torch_context_mb() -> float | None:
    """Memory of this process beyond PyTorch's allocator, as the driver counts it, once the libraries are loaded."""
    import torch

    volume = torch.zeros((1, 8, 8, 8, 8), device="cuda")
    torch.nn.functional.conv3d(volume, torch.zeros((8, 8, 3, 3, 3), device="cuda"), padding=1)
    torch.cuda.synchronize()
    del volume
    torch.cuda.empty_cache()
    uuid = getattr(torch.cuda.get_device_properties(torch.cuda.current_device()), "uuid", None)
    # CUDA may count GPUs in another order than NVML does.
    gpu = open_gpu(os.environ if uuid is None else {"CUDA_VISIBLE_DEVICES": f"GPU-{uuid}"})
    if isinstance(gpu, NoGpu):
        return None
    reading = gpu.read(os.getpid())
    gpu.close()
    if reading is None or reading.process_mb is None:
        return None
    return reading.process_mb - torch.cuda.memory_reserved() / 1e6 + LATER_KERNELS_MB
