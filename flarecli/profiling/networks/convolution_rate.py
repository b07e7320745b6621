"""Peak rate of a network's own convolutions on this machine: the compute limit of the roofline model.

The rate of matrix products is not the limit: in 8-bit integers OpenVINO's is lower than that of its convolutions on
some processors, and a network reached 143 per cent of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.engine.quantization import rounded

if TYPE_CHECKING:
    from flarecli.engine import Runtime
    from flarecli_models.flops import Convolution

_LONGEST_S = 0.5
_LEAST_REPEATS, _MOST_REPEATS = 3, 30
_ROUNDS = 6


def measured_convolution_rate(
    convolutions: Sequence[Convolution], runtime: Runtime, network_rate: float = 0.0
) -> float | None:
    """Floating-point operations a second of the fastest of some convolutions, each measured alone.

    On the backend, device, precision and threads of `runtime`. What surrounds the convolution, such as the conversion
    of its input, is not counted where the backend tells what each operation took.

    No network is faster than its own convolutions: where the result is below `network_rate`, other processes had the
    processor while they were measured, and they are measured again, up to six times in all.

    Args:
        convolutions: Of a network, at the sizes at which it has them.
        network_rate: Floating-point operations a second that the network reached.

    Returns:
        Their highest rate; None where there are none.
    """
    prepare = {
        "openvino": _openvino_seconds,
        "tensorflow": _tensorflow_seconds,
        "torch": _torch_seconds,
        "jax": _jax_seconds,
    }
    rates: list[float] = []
    for _ in range(_ROUNDS):
        rates += [_rate(shape, prepare[runtime.backend](shape, runtime)) for shape in convolutions]
        if not rates or max(rates) >= network_rate:
            break
    return max(rates, default=None)


def _rate(convolution: Convolution, seconds: Callable[[], float]) -> float:
    seconds()
    best_s, began = float("inf"), time.perf_counter()
    for repeat in range(_MOST_REPEATS):
        best_s = min(best_s, seconds())
        if repeat + 1 >= _LEAST_REPEATS and time.perf_counter() - began > _LONGEST_S:
            break
    return 2.0 * convolution.multiply_adds / best_s


def _array(shape: Sequence[int]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(tuple(shape), dtype=np.float32)


def _openvino_seconds(convolution: Convolution, runtime: Runtime) -> Callable[[], float]:
    """What the operation itself took, as OpenVINO counts it."""
    import openvino
    from openvino import opset16

    kernel = _array((convolution.channels_out, convolution.channels_in, *convolution.kernel))
    shape = [1, convolution.channels_in, *convolution.size]
    parameter = opset16.parameter(shape, dtype=openvino.Type.f32)
    image, weights = parameter.output(0), opset16.constant(kernel).output(0)
    if runtime.precision == "int8":
        # As the network's rectified values: zero is a level, few lie below.
        image = rounded(image, -8.0 * 2 / 253, 8.0, levels=256)
        weights = rounded(weights, -4.0, 4.0, levels=255)
    margins = [size // 2 for size in convolution.kernel]
    once = [1] * len(convolution.kernel)
    result = opset16.convolution(image, weights, list(convolution.strides), margins, margins, once)
    graph = openvino.Model([opset16.result(result)], [parameter])
    settings = {
        "INFERENCE_PRECISION_HINT": runtime.openvino_precision,
        "INFERENCE_NUM_THREADS": runtime.threads,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
        "PERF_COUNT": True,
    }
    request = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(_array(shape)))

    def run() -> float:
        request.infer()
        taken = [node.real_time for node in request.profiling_info if node.node_type == "Convolution"]
        return sum(span.total_seconds() for span in taken)

    return run


def _tensorflow_seconds(convolution: Convolution, runtime: Runtime) -> Callable[[], float]:
    import tensorflow

    image = tensorflow.cast(
        tensorflow.constant(_array((1, *convolution.size, convolution.channels_in))), runtime.precision
    )
    kernel = _array((*convolution.kernel, convolution.channels_in, convolution.channels_out))
    weights = tensorflow.cast(tensorflow.constant(kernel), runtime.precision)
    strides = [1, *convolution.strides, 1]
    compute = tensorflow.nn.conv3d if len(convolution.kernel) == 3 else tensorflow.nn.conv2d
    run = tensorflow.function(lambda: tensorflow.reduce_max(compute(image, weights, strides, "SAME")))
    return _timed(lambda: float(run()))  # reading the number waits for the device


def _torch_seconds(convolution: Convolution, runtime: Runtime) -> Callable[[], float]:
    import torch

    device, dtype = runtime.torch_device, getattr(torch, runtime.precision)
    image = torch.from_numpy(_array((1, convolution.channels_in, *convolution.size))).to(device, dtype)
    shape = (convolution.channels_out, convolution.channels_in, *convolution.kernel)
    weights = torch.from_numpy(_array(shape)).to(device, dtype)
    margins = tuple(size // 2 for size in convolution.kernel)
    compute = torch.nn.functional.conv3d if len(convolution.kernel) == 3 else torch.nn.functional.conv2d

    def run() -> None:
        with torch.inference_mode():
            compute(image, weights, None, convolution.strides, margins)
        if device == "cuda":
            torch.cuda.synchronize()

    return _timed(run)


def _jax_seconds(convolution: Convolution, runtime: Runtime) -> Callable[[], float]:
    import jax

    places = "DHW"[-len(convolution.kernel) :]
    axes = (f"N{places}C", f"{places}IO", f"N{places}C")
    image = jax.numpy.asarray(_array((1, *convolution.size, convolution.channels_in)))
    weights = jax.numpy.asarray(_array((*convolution.kernel, convolution.channels_in, convolution.channels_out)))

    @jax.jit
    def compute(image: Any, weights: Any) -> Any:
        return jax.lax.conv_general_dilated(image, weights, convolution.strides, "SAME", dimension_numbers=axes)

    return _timed(lambda: compute(image, weights).block_until_ready())


def _timed(run: Callable[[], Any]) -> Callable[[], float]:
    def seconds() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return seconds
