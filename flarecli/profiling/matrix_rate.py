"""Peak matrix-product rate of this machine: the compute limit of the roofline model."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.engine.quantization import rounded

if TYPE_CHECKING:
    from flarecli.engine import Runtime

_SIZE = {"cpu": 2048, "gpu": 8192}
_LONGEST_S = 1.0
_MOST_REPEATS = 50


def measured_matrix_rate(runtime: Runtime) -> float:
    """Floating-point operations a second of a square matrix product, the best of a second's trials.

    On the backend, device, precision and threads of `runtime`, with a library routine that is as good as any on the
    machine. Nothing is copied between devices while the clock runs.
    """
    size = _SIZE[runtime.device]
    product = {"openvino": _openvino_product, "tensorflow": _tensorflow_product, "torch": _torch_product}
    multiply = product[runtime.backend](runtime, size)
    multiply()
    best_s, began = float("inf"), time.perf_counter()
    for _ in range(_MOST_REPEATS):
        start = time.perf_counter()
        multiply()
        end = time.perf_counter()
        best_s = min(best_s, end - start)
        if end - began > _LONGEST_S:
            break
    return 2.0 * size**3 / best_s


def _matrix(size: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((size, size), dtype=np.float32)


def _openvino_product(runtime: Runtime, size: int) -> Callable[[], Any]:
    import openvino
    from openvino import opset16

    parameter = opset16.parameter([size, size], dtype=openvino.Type.f32)
    factors = [node.output(0) for node in (parameter, opset16.constant(_matrix(size)))]
    if runtime.precision == "int8":
        factors = [rounded(factor, -4.0, 4.0, levels=255) for factor in factors]
    graph = openvino.Model([opset16.result(opset16.matmul(*factors, False, False))], [parameter])
    settings = {
        "INFERENCE_PRECISION_HINT": runtime.openvino_precision,
        "INFERENCE_NUM_THREADS": runtime.threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(_matrix(size)))
    return request.infer


def _tensorflow_product(runtime: Runtime, size: int) -> Callable[[], Any]:
    import tensorflow

    factor = tensorflow.cast(tensorflow.constant(_matrix(size)), runtime.precision)
    run = tensorflow.function(lambda: tensorflow.reduce_max(tensorflow.matmul(factor, factor)))
    return lambda: float(run())  # reading the number waits for the device


def _torch_product(runtime: Runtime, size: int) -> Callable[[], Any]:
    import torch

    device = "cuda" if runtime.device == "gpu" else "cpu"
    factor = torch.from_numpy(_matrix(size)).to(device, getattr(torch, runtime.precision))
    result = torch.empty_like(factor)

    def multiply() -> None:
        torch.matmul(factor, factor, out=result)
        if device == "cuda":
            torch.cuda.synchronize()

    return multiply
