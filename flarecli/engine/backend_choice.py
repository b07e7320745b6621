"""Selection of the backend: the requested one, or the best that is installed; before Keras is imported."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
from importlib.metadata import version

from flarecli.engine.keras_import import import_tensorflow
from flarecli.errors import InstallationError
from flarecli_models.openvino_import import import_openvino

BACKENDS = ("openvino", "tensorflow", "torch", "jax")

_DISTRIBUTIONS = {
    "openvino": ("openvino",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "torch": ("torch",),
    "jax": ("jax",),
}


def is_installed(backend: str) -> bool:
    """Whether the backend's package can be imported, without importing it."""
    return importlib.util.find_spec(backend) is not None


def backend_in_use() -> str | None:
    """The backend of `BACKENDS` that Keras already runs on in this process; None where none is selected yet."""
    if "keras" not in sys.modules:
        return None
    running = _running_keras_backend()
    return running if running in BACKENDS else None


def backend_with_gpu() -> str | None:
    """An installed backend that finds a GPU; where the machine has one, backends are imported to check."""
    candidates = [backend for backend in ("torch", "tensorflow") if is_installed(backend)]
    if candidates and _machine_has_nvidia_gpu():
        return next((backend for backend in candidates if _backend_sees_gpu(backend)), None)
    return None


def chosen_backend(backend: str, device: str) -> str:
    """The backend to use; see `flarecli.engine.start_runtime`.

    Raises:
        InstallationError: when it, or the requested GPU, is not available.
    """
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
        return bool(import_tensorflow().config.list_physical_devices("GPU"))
    return False


def select_keras_backend(backend: str) -> None:
    """Let Keras run on a backend, once it is imported.

    Raises:
        InstallationError: when it already runs on another one.
    """
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
    if backend == "openvino":
        import_openvino()


def _running_keras_backend() -> str:
    import keras

    return str(keras.backend.backend())


def version_of(backend: str) -> str:
    """Version of the backend's package."""
    for distribution in _DISTRIBUTIONS[backend]:
        try:
            return version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
