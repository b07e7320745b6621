"""Lets OpenVINO compute a graph's convolutions on 8-bit integers, without calibration.

In networks whose tensors pass an instance normalisation, every channel has mean 0 and variance 1 over the volume,
whatever the scan and the weights. What a convolution is given then lies within known bounds, and no scans are needed
to find them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import openvino

RECTIFIED_LARGEST = 8.0
"""Where values after a leaky rectifier are cut off. On real scans 1 in 1,000 to 10,000 lies above; with 10 and 12 the
labels are farther from float32's on synthetic ones."""

UPSAMPLED_LARGEST = 6.0
"""Likewise, of either sign, after a transposed convolution of rectified values."""

_LEVELS = 256
_RECTIFIED_BELOW_ZERO = 2
"""Levels for what a leaky rectifier lets through below zero: down to -0.06."""

_KERNEL_LEVELS = 255
"""Symmetric around zero. The largest weight of each output channel is the outermost level."""


def quantize(graph: openvino.Model) -> None:
    """Mark what enters convolutions, and their kernels, as 8-bit numbers; OpenVINO's compiler does the rest.

    Convolutions of anything else but rectified or upsampled values, such as the image, stay as they are.

    Args:
        graph: Of a network with instance normalisation before each leaky rectifier, its kernels constants; changed
            in place.
    """
    sources: dict[tuple[str, int], Any] = {}
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "Convolution":
            continue
        source = node.input_value(0)
        bounds = _bounds(source.get_node().get_type_name())
        kernel = node.input_value(1).get_node()
        if bounds is None or kernel.get_type_name() != "Constant":
            continue
        key = (source.get_node().get_name(), source.get_index())
        if key not in sources:
            sources[key] = rounded(source, *bounds, _LEVELS)
        largest = np.abs(kernel.data).max(axis=tuple(range(1, kernel.data.ndim)), keepdims=True)
        node.input(0).replace_source_output(sources[key])
        node.input(1).replace_source_output(rounded(kernel.output(0), -largest, largest, _KERNEL_LEVELS))
    graph.validate_nodes_and_infer_types()


def _bounds(operation: str) -> tuple[float, float] | None:
    """Lowest and highest value of what an operation gives; zero is one of the levels between."""
    if operation == "PRelu":
        step = RECTIFIED_LARGEST / (_LEVELS - 1 - _RECTIFIED_BELOW_ZERO)
        return -_RECTIFIED_BELOW_ZERO * step, RECTIFIED_LARGEST
    if operation == "ConvolutionBackpropData":
        step = UPSAMPLED_LARGEST / (_LEVELS // 2 - 1)
        return -UPSAMPLED_LARGEST - step, UPSAMPLED_LARGEST
    return None


def rounded(values: Any, low: float | np.ndarray, high: float | np.ndarray, levels: int) -> Any:
    """An output of a graph, cut off and rounded so that the compiler may hold it as 8-bit numbers.

    Args:
        values: The output.
        low: Lowest level; one number, or an array that fits the output by broadcasting.
        high: Highest level, likewise.
        levels: How many there are, equally far apart.
    """
    from openvino import opset16

    bounds = [opset16.constant(np.asarray(bound, np.float32)) for bound in (low, high)]
    return opset16.fake_quantize(values, *bounds, *bounds, levels).output(0)
