"""Which backend, device, precision and number of threads a run uses; settled once, before Keras is imported."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from flarecli.errors import InstallationError, UsageError

BACKENDS = ("openvino", "tensorflow", "torch")
PRECISIONS = ("float32", "bfloat16", "float16", "int8")

_X86 = ("x86_64", "amd64")

_MODULES = {"openvino": "openvino", "tensorflow": "tensorflow", "torch": "torch"}
_DISTRIBUTIONS = {
    "openvino": ("openvino",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "torch": ("torch",),
}


@dataclass(frozen=True)
class Runtime:
    """A backend that is set up and ready.

    Attributes:
        backend: "openvino", "tensorflow" or "torch".
        device: "cpu" or "gpu".
        precision: "float32", "bfloat16" or "float16": what activations are computed in. "int8": convolutions on
            8-bit integers, the rest in float32.
        threads: Processor threads for the networks.
        version: Version of the backend.
        max_gpu_mb: Limit of the process's GPU memory, MB (10^6 bytes); None without one.
        allocator_mb: What of it the backend's allocator may take.
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
        """What OpenVINO computes in where a graph does not say otherwise, in its words."""
        return "bf16" if self.precision == "bfloat16" else "f32"

    @property
    def activation_bytes(self) -> int:
        """Of a number between two layers."""
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
    int8: bool = False,
) -> Runtime:
    """Choose and set up a backend; Keras and the backend are imported here and not before.

    Args:
        backend: One of `BACKENDS`, or "auto": the one that Keras already runs on in this process, else an installed
            backend that has a GPU, else what the environment variable `KERAS_BACKEND` names, else OpenVINO.
        device: "cpu", "gpu" or "auto" (a GPU where the backend has one).
        precision: One of `PRECISIONS`, or "auto": on OpenVINO bfloat16 where the processor computes it in hardware,
            else int8 where the networks and an x86 processor can; float32 elsewhere.
        threads: Processor threads; all that this process may use where None.
        max_gpu_mb: Limit of this process's GPU memory as the driver counts it, MB (10^6 bytes); see
            `flarecli.engine.gpu_limit`.
        int8: Whether the networks to come can be computed in int8; see `flarecli.engine.quantization`.

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
    threads = threads or available_threads()
    chosen = _chosen_backend(backend, device)
    if precision == "int8":
        _check_int8(chosen, int8)
    elif precision == "auto" and chosen == "openvino":
        precision = _fastest_precision(int8)
    _select_keras_backend(chosen)
    setup = {"openvino": _set_up_openvino, "tensorflow": _set_up_tensorflow, "torch": _set_up_torch}[chosen]
    device, precision = setup(device, precision, threads)
    allocator_mb = None if max_gpu_mb is None else _limited_allocator_mb(chosen, device, max_gpu_mb)
    return Runtime(chosen, device, precision, threads, _version_of(chosen), max_gpu_mb, allocator_mb)


def available_threads() -> int:
    """Number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor_computes_bfloat16() -> bool:
    """Whether convolutions in bfloat16 are computed by the processor's vector instructions; OpenVINO knows."""
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def is_installed(backend: str) -> bool:
    """Whether the backend's package can be imported; nothing is imported to find out."""
    return importlib.util.find_spec(_MODULES[backend]) is not None


def backend_in_use() -> str | None:
    """The backend of `BACKENDS` that Keras already runs on in this process; None where it is free to choose."""
    if "keras" not in sys.modules:
        return None
    running = _running_keras_backend()
    return running if running in BACKENDS else None


def backend_with_gpu() -> str | None:
    """An installed backend that sees a GPU; it is imported to find out where the machine has one."""
    candidates = [backend for backend in ("torch", "tensorflow") if is_installed(backend)]
    if candidates and _machine_has_nvidia_gpu():
        return next((backend for backend in candidates if _backend_sees_gpu(backend)), None)
    return None


def _check_choice(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(
            f"unknown value of {option}", seen=value, expected=", ".join(known), remedy="Choose one of those."
        )


def _chosen_backend(backend: str, device: str) -> str:
    if backend != "auto":
        if not is_installed(backend):
            extra = "" if backend == "openvino" else f"[{backend}]"
            raise InstallationError(
                f"the backend {backend} is not installed",
                remedy=f"Install it: pip install 'flarecli{extra}'.",
            )
        return backend
    if running := backend_in_use():
        return running
    if device != "cpu" and (found := backend_with_gpu()):
        return found
    if device == "gpu":
        raise InstallationError(
            "no installed backend sees a GPU",
            remedy="Check the driver with nvidia-smi, install a GPU build of torch or tensorflow, or use --device cpu.",
        )
    wanted = os.environ.get("KERAS_BACKEND", "")
    if wanted in BACKENDS and is_installed(wanted):
        return wanted
    return "openvino"


def _machine_has_nvidia_gpu() -> bool:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    try:
        return bool(pynvml.nvmlDeviceGetCount())
    finally:
        pynvml.nvmlShutdown()


def _backend_sees_gpu(backend: str) -> bool:
    if backend == "torch":
        import torch

        return torch.cuda.is_available()
    if backend == "tensorflow":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow

        return bool(tensorflow.config.list_physical_devices("GPU"))
    return False


def _select_keras_backend(backend: str) -> None:
    if "keras" in sys.modules:
        if _running_keras_backend() != backend:
            raise InstallationError(
                "Keras already runs on another backend in this process",
                seen=_running_keras_backend(),
                expected=backend,
                remedy="Start a new process, or set KERAS_BACKEND before Keras is first imported.",
            )
        return
    os.environ["KERAS_BACKEND"] = backend


def _running_keras_backend() -> str:
    import keras

    return str(keras.backend.backend())


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
    _check_bfloat16(precision)
    return "cpu", precision


def _set_up_tensorflow(device: str, precision: str, threads: int) -> tuple[str, str]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    gpus = tensorflow.config.list_physical_devices("GPU")
    device = _device_or_error(device, bool(gpus), "TensorFlow")
    precision = _precision_or_error(device, precision)
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
    import torch

    device = _device_or_error(device, torch.cuda.is_available(), "PyTorch")
    precision = _precision_or_error(device, precision)
    os.environ["KERAS_TORCH_DEVICE"] = "cuda" if device == "gpu" else "cpu"
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    return device, precision


def _limited_allocator_mb(backend: str, device: str, max_gpu_mb: float) -> float:
    if device != "gpu":
        raise UsageError(
            "a limit of GPU memory needs a GPU",
            seen=f"--max-gpu-mb {max_gpu_mb:g} with {backend} on the CPU",
            remedy="Leave out --max-gpu-mb, or choose --backend torch or tensorflow where these see a GPU.",
        )
    from flarecli.engine.gpu_limit import limit_tensorflow, limit_torch

    if backend == "torch":
        return limit_torch(max_gpu_mb)
    import tensorflow

    try:
        allocator_mb = limit_tensorflow(max_gpu_mb, tensorflow.config.list_physical_devices("GPU")[0])
    except RuntimeError as error:
        raise InstallationError(
            "TensorFlow is running already, and takes no limit of GPU memory any more",
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


def _precision_or_error(device: str, precision: str) -> str:
    # Measured on a CPU with a 3x3x3 convolution of 32 channels: float16 takes 20 times as long as float32 on
    # TensorFlow 2.21 and 100 times as long on PyTorch 2.13.
    if device == "cpu" and precision == "float16":
        raise UsageError(
            "float16 networks need a GPU",
            seen="--precision float16 on the CPU",
            expected="float32 or bfloat16",
            remedy="Choose one of those.",
        )
    if device == "cpu":
        _check_bfloat16(precision)
    return "float32" if precision == "auto" else precision


def _fastest_precision(int8: bool) -> str:
    """On OpenVINO. On Arm its convolutions on integers are not measured."""
    if processor_computes_bfloat16():
        return "bfloat16"
    return "int8" if int8 and platform.machine().lower() in _X86 else "float32"


def _check_int8(backend: str, int8: bool) -> None:
    if backend != "openvino":
        raise UsageError(
            f"{backend} does not compute these networks in int8",
            seen="--precision int8",
            remedy="Use --backend openvino, or another precision.",
        )
    if not int8:
        raise UsageError(
            "these networks cannot be computed in int8",
            seen="--precision int8",
            expected="networks with instance normalisation throughout, such as flarelite's",
            remedy="Choose another precision, or leave the choice to --precision auto.",
        )


def _check_bfloat16(precision: str) -> None:
    # Measured on a processor with AVX2 alone: the localization network of EfficientSCN comes out four times as far from
    # float32 on TensorFlow 2.21 as with instructions for bfloat16 (it sums in bfloat16), and a 3x3x3 convolution of 32
    # channels takes 18 times as long as in float32 on PyTorch 2.13.
    if precision == "bfloat16" and not processor_computes_bfloat16():
        raise InstallationError("this processor does not compute bfloat16", remedy="Use --precision float32 or auto.")


def _version_of(backend: str) -> str:
    for distribution in _DISTRIBUTIONS[backend]:
        try:
            return version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
