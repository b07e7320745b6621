"""Set-up of a backend with its device, precision and threads, once, before Keras is imported."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

from flarecli.engine.backend_choice import BACKENDS, chosen_backend, select_keras_backend, version_of
from flarecli.engine.keras_import import import_keras, import_tensorflow
from flarecli.engine.precision_choice import (
    NO_INT8,
    PRECISIONS,
    Int8Support,
    check_bfloat16,
    check_int8,
    fastest_openvino_precision,
    framework_precision,
)
from flarecli.errors import InstallationError, UsageError
from flarecli.garbage_collection import garbage_collection_paused
from flarecli.hardware.processors import available_processors
from flarecli.overridden_environment import overridden_environment


@dataclass(frozen=True)
class Runtime:
    """A backend that is set up and ready.

    Attributes:
        backend: "openvino", "tensorflow", "torch" or "jax".
        device: "cpu" or "gpu".
        precision: Number type of activations: "float32", "bfloat16" or "float16". "int8": convolutions on 8-bit
            integers, the rest in float32.
        threads: Processor threads for the networks.
        version: Version of the backend.
        max_gpu_mb: Limit of the process's GPU memory, MB (10^6 bytes); None without one.
        allocator_mb: The part of it for the backend's allocator.
    """

    backend: str
    device: str
    precision: str
    threads: int
    version: str
    max_gpu_mb: float | None = None
    allocator_mb: float | None = None

    @property
    def torch_device(self) -> str:
        """The device as PyTorch calls it."""
        return "cuda" if self.device == "gpu" else "cpu"

    @property
    def openvino_precision(self) -> str:
        """OpenVINO's name of the default precision."""
        return "bf16" if self.precision == "bfloat16" else "f32"

    @property
    def activation_bytes(self) -> int:
        """Bytes of one number of an activation."""
        return 2 if self.precision in ("bfloat16", "float16") else 4

    def as_dict(self) -> dict[str, Any]:
        """For records; without limits that are not set."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def start_runtime(
    backend: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    max_gpu_mb: float | None = None,
    *,
    int8: Int8Support = NO_INT8,
) -> Runtime:
    """Choose and set up a backend; Keras and the backend are imported here and not before.

    Args:
        backend: One of `BACKENDS`, or "auto": the one that Keras already runs on in this process, else an installed
            backend that has a GPU, else what the environment variable `KERAS_BACKEND` names, else OpenVINO.
        device: "cpu", "gpu" or "auto" (a GPU where the backend has one).
        precision: One of `PRECISIONS`, or "auto": on OpenVINO bfloat16 where the processor computes it in hardware,
            else on x86 int8 where the networks have that by default; float32 elsewhere.
        threads: Processor threads; all that this process may use where None.
        max_gpu_mb: Limit of this process's GPU memory as the driver counts it, MB (10^6 bytes); see
            `flarecli.engine.gpu_limit`.
        int8: Whether the networks to come can be computed in int8, and are without request.

    Raises:
        UsageError: for unknown names and combinations that do not exist, and for a limit without a GPU or below what
            a GPU takes at least.
        InstallationError: when the backend or device is not there, Keras already runs on another backend, or the
            processor lacks the precision.
    """
    _check_choice("--backend", backend, (*BACKENDS, "auto"))
    _check_choice("--device", device, ("auto", "cpu", "gpu"))
    _check_choice("--precision", precision, (*PRECISIONS, "auto"))
    if threads is not None and threads < 1:
        raise UsageError(
            "the number of threads must be positive",
            seen=threads,
            remedy="Give --threads 1 or more, or leave it out.",
        )
    threads = threads or available_processors()
    chosen = chosen_backend(backend, device)
    if precision == "int8":
        check_int8(chosen, int8)
    elif precision == "auto" and chosen == "openvino":
        precision = fastest_openvino_precision(int8)
    select_keras_backend(chosen)
    setup = {
        "openvino": _set_up_openvino,
        "tensorflow": _set_up_tensorflow,
        "torch": _set_up_torch,
        "jax": _set_up_jax,
    }[chosen]
    device, precision = setup(device, precision, threads)
    if chosen != "openvino":  # its graphs are compiled without Keras where they are in the cache
        import_keras()
    allocator_mb = None if max_gpu_mb is None else _limited_allocator_mb(chosen, device, max_gpu_mb)
    return Runtime(chosen, device, precision, threads, version_of(chosen), max_gpu_mb, allocator_mb)


def _check_choice(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(
            f"unknown value of {option}", seen=value, expected=", ".join(known), remedy="Choose one of those."
        )


def _set_up_openvino(device: str, precision: str, threads: int) -> tuple[str, str]:
    if device == "gpu":
        raise UsageError(
            "OpenVINO runs on the CPU here",
            seen="--device gpu",
            remedy="Use --backend torch or tensorflow for a GPU.",
        )
    if precision == "float16":
        raise UsageError(
            "OpenVINO's CPU networks have no float16 arithmetic",
            seen="--precision float16",
            expected="float32, bfloat16 or int8",
            remedy="Choose one of those.",
        )
    check_bfloat16(precision)
    return "cpu", precision


def _set_up_tensorflow(device: str, precision: str, threads: int) -> tuple[str, str]:
    tensorflow = import_tensorflow()
    gpus = tensorflow.config.list_physical_devices("GPU")
    device = _device_or_error(device, bool(gpus), "TensorFlow")
    precision = framework_precision(device, precision)
    try:
        tensorflow.config.set_visible_devices(gpus if device == "gpu" else [], "GPU")
        for gpu in gpus if device == "gpu" else []:
            tensorflow.config.experimental.set_memory_growth(gpu, True)
        # The number of inter-op threads stays TensorFlow's: with one, kernels run in the calling thread, where
        # denormal numbers are not flushed to zero and slow a training step down several times.
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        # TensorFlow is already running in this process: its devices and threads are settled.
        pass
    return device, precision


def _set_up_torch(device: str, precision: str, threads: int) -> tuple[str, str]:
    with garbage_collection_paused():
        import torch

    device = _device_or_error(device, torch.cuda.is_available(), "PyTorch")
    precision = framework_precision(device, precision)
    os.environ["KERAS_TORCH_DEVICE"] = "cuda" if device == "gpu" else "cpu"
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    return device, precision


def _set_up_jax(device: str, precision: str, threads: int) -> tuple[str, str]:
    if device == "gpu":
        raise UsageError(
            "JAX runs on the CPU here",
            seen="--device gpu",
            remedy="Use --backend torch or tensorflow for a GPU.",
        )
    if precision not in ("auto", "float32"):
        raise UsageError(
            "JAX computes in float32 here",
            seen=f"--precision {precision}",
            expected="float32",
            remedy="Use another backend for other precisions.",
        )
    with garbage_collection_paused():
        import jax

    jax.config.update("jax_platforms", "cpu")
    # The number of threads is read once, when the first array is made.
    with overridden_environment("PJRT_NPROC", str(threads)):
        jax.devices("cpu")
    return "cpu", "float32"


def _limited_allocator_mb(backend: str, device: str, max_gpu_mb: float) -> float:
    if device != "gpu":
        raise UsageError(
            "a limit of GPU memory needs a GPU",
            seen=f"--max-gpu-mb {max_gpu_mb:g} with {backend} on the CPU",
            remedy="Leave out --max-gpu-mb, or choose --backend torch or tensorflow with a GPU build.",
        )
    from flarecli.engine.gpu_limit import limit_tensorflow, limit_torch

    if backend == "torch":
        return limit_torch(max_gpu_mb)
    import tensorflow

    try:
        allocator_mb = limit_tensorflow(max_gpu_mb, tensorflow.config.list_physical_devices("GPU")[0])
    except RuntimeError as error:
        raise InstallationError(
            "TensorFlow is already initialised, and its GPU memory can no longer be limited",
            seen=error,
            remedy="Start a new process.",
        ) from error
    return allocator_mb


def _device_or_error(device: str, has_gpu: bool, backend: str) -> str:
    if device == "gpu" and not has_gpu:
        raise InstallationError(
            f"{backend} sees no GPU",
            remedy="Check the driver with nvidia-smi, install a GPU build of the package, or use --device cpu.",
        )
    return ("gpu" if has_gpu else "cpu") if device == "auto" else device
