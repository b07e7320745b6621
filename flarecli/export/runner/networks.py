"""Exported networks, run by onnxruntime or by OpenVINO."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Network = Callable[[np.ndarray], np.ndarray]
"""From a batch, float32 (batch, channels, ...), to its scores."""


def load_networks(folder: Path, contract: dict[str, Any], threads: int = 0) -> dict[str, Network]:
    """Load every network of an exported folder, by name.

    Args:
        folder: The exported folder.
        contract: Its `contract.json`.
        threads: Of the processor; as many as the runtime takes where 0.
    """
    return {
        name: load_network(folder / facts["file"], threads, float_input=facts["input"]["name"])
        for name, facts in contract["networks"].items()
    }


def load_network(path: Path, threads: int = 0, *, float_input: str = "image") -> Network:
    """Load one network: `.onnx` with onnxruntime, `.xml` with OpenVINO."""
    if path.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Waiting threads would keep the processors from those that compute.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

        def run_onnx(batch: np.ndarray) -> np.ndarray:
            (scores,) = session.run(None, {float_input: np.ascontiguousarray(batch, np.float32)})
            return np.asarray(scores)

        return run_onnx
    import openvino

    core = openvino.Core()
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    graph = core.read_model(path)

    def run_openvino(batch: np.ndarray) -> np.ndarray:
        graph.reshape(batch.shape)
        compiled = core.compile_model(graph, "CPU", settings)
        return np.array(compiled(np.ascontiguousarray(batch, np.float32))[0])

    return run_openvino
