"""Exported networks read back by the runtimes that know their format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.errors import InstallationError
from flarecli.export.runner.networks import load_network
from flarecli.export.vectors import NetworkVectors


def import_onnxruntime() -> Any:
    """The package onnxruntime.

    Raises:
        InstallationError: when it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InstallationError(
            "exports in ONNX are checked with the package onnxruntime",
            remedy="Install it: pip install 'flarecli[export]', or export with --format openvino.",
        ) from error
    return onnxruntime


def check_network(path: Path, name: str, vectors: NetworkVectors) -> dict[str, float]:
    """Read a network back with OpenVINO and, where it is in ONNX, with onnxruntime; compare their scores.

    Args:
        path: The exported network.
        name: Its name, for messages.
        vectors: What it has to give.

    Returns:
        Largest difference, by runtime.

    Raises:
        InstallationError: when a runtime gives other scores.
    """
    found = {}
    for runtime, run in _runtimes(path).items():
        found[runtime] = vectors.difference(run(vectors.image))
        if not found[runtime] <= vectors.tolerance:
            raise InstallationError(
                f"the exported network {name} gives other scores than flare",
                path=path,
                seen=f"a difference of {found[runtime]:.3g} with {runtime}",
                expected=f"at most {vectors.tolerance:.3g}",
                remedy=f"Use the version of {runtime} that the tests were run with: see constraints.txt.",
            )
    return found


def _runtimes(path: Path) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    if path.suffix != ".onnx":
        return {"openvino": load_network(path)}
    return {"onnxruntime": load_network(path), "openvino": _openvino_of(path)}


def _openvino_of(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    from flarecli_models.openvino_import import import_openvino

    compiled = import_openvino().Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(batch: np.ndarray) -> np.ndarray:
        return np.array(compiled(batch)[0])

    return run
