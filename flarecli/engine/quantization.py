"""Quantizes a graph's convolutions to 8-bit integers for OpenVINO, without calibration.

In networks with instance normalisation, every channel has mean 0 and variance 1 over the volume, whatever the scan and
the weights. The inputs of convolutions then have known ranges, and no calibration scans are needed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import openvino

_Key = tuple[str, int]
"""A node's name and which of its outputs."""

LARGEST = 8.0
"""Clipping limit of rectified and upsampled values. On real scans 1 in 1,000 to 10,000 rectified ones lies above; with
10 and 12 the labels are farther from float32's on synthetic ones."""

_LEVELS = 256

_RECTIFIED_BELOW_ZERO = 2
"""Levels for what a leaky rectifier lets through below zero: down to -0.06."""

_JOINED_BELOW_ZERO = 85
"""Levels below zero, down to -4, for what is concatenated with upsampled values, which have either sign."""

_KERNEL_LEVELS = 255
"""Symmetric around zero. The largest weight of each output channel is the outermost level."""


def quantize(graph: openvino.Model) -> None:
    """Insert fake quantization of the inputs and kernels of convolutions, which OpenVINO's compiler turns into int8.

    Convolutions of anything else but rectified, pooled and upsampled values, such as the image, are unchanged. A
    transposed convolution whose windows do not overlap becomes a plain one of 1x1x1, which integers can compute, and a
    rearrangement of bytes.

    Args:
        graph: Of a network with instance normalisation before each rectifier, its kernels constants; changed in place.
    """
    known = _upsampled_by_convolutions(graph)
    for node in graph.get_ordered_ops():
        kernel = node.input_value(1).get_node() if node.get_type_name() == "Convolution" else None
        if kernel is None or kernel.get_type_name() != "Constant":
            continue
        source = _rounded_source(node.input_value(0), known)
        if source is not None:
            largest = np.abs(kernel.data).max(axis=tuple(range(1, kernel.data.ndim)), keepdims=True)
            node.input(0).replace_source_output(source)
            node.input(1).replace_source_output(rounded(kernel.output(0), -largest, largest, _KERNEL_LEVELS))
    graph.validate_nodes_and_infer_types()


def _upsampled_by_convolutions(graph: openvino.Model) -> dict[_Key, Any]:
    """Replace transposed convolutions by plain ones; returns their outputs, which are quantized."""
    from openvino import opset16

    known: dict[_Key, Any] = {}
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "ConvolutionBackpropData":
            continue
        kernel, settings = node.input_value(1).get_node(), node.get_attributes()
        if kernel.get_type_name() != "Constant" or not _is_even_upsampling(kernel.data.shape[2:], settings):
            continue
        channels, size = kernel.data.shape[0], kernel.data.shape[2]
        # To (place in the window, output channel), channel: the order that DepthToSpace reads.
        each_place = np.ascontiguousarray(kernel.data.transpose(2, 3, 4, 1, 0).reshape(-1, channels, 1, 1, 1))
        once, none = [1, 1, 1], [0, 0, 0]
        blocks = opset16.convolution(node.input_value(0), opset16.constant(each_place), once, none, none, once)
        in_8_bits = rounded(blocks.output(0), *_bounds(_JOINED_BELOW_ZERO), _LEVELS)
        upsampled = opset16.depth_to_space(in_8_bits, "blocks_first", size).output(0)
        node.output(0).replace(upsampled)
        known[_key(upsampled)] = upsampled
    graph.validate_nodes_and_infer_types()
    return known


def _is_even_upsampling(size: tuple[int, ...], settings: dict[str, Any]) -> bool:
    """Whether each voxel of a volume becomes a block of its own, as long as wide and high."""
    blocks = len(size) == 3 and len(set(size)) == 1 and list(settings["strides"]) == list(size)
    return blocks and not any(any(settings[margin]) for margin in ("pads_begin", "pads_end", "output_padding"))


def _rounded_source(source: Any, known: dict[_Key, Any]) -> Any:
    """A quantized tensor, or None where its range is not known."""
    key, node = _key(source), source.get_node()
    if key not in known and (spread := _rectified_spread(source)) is not None:
        known[key] = _rounded_rectified(source, spread, known)
    if key not in known and node.get_type_name() == "PRelu":
        joined = any(reader.get_node().get_type_name() == "Concat" for reader in source.get_target_inputs())
        below_zero = _JOINED_BELOW_ZERO if joined else _RECTIFIED_BELOW_ZERO
        known[key] = rounded(source, *_bounds(below_zero), _LEVELS)
    elif key not in known and node.get_type_name() == "Concat":
        from openvino import opset16

        parts = [_rounded_source(part, known) for part in node.input_values()]
        if any(part is None for part in parts):
            return None
        known[key] = opset16.concat(parts, node.get_attributes()["axis"]).output(0)
    return known.get(key)


_SPREAD_STAYS = ("Convert", "Interpolate", "MaxPool", "Pad")
"""Operations on rectified values that give such values again."""


def _rectified_spread(source: Any) -> float | None:
    """How far values without negative ones spread, beside rectified values of an instance normalisation.

    A sum spreads as far as one of independent tensors. None for values that may be negative, or whose spread is not
    known.
    """
    node = source.get_node()
    kind = node.get_type_name()
    if kind == "Relu":
        return _spread(node.input_value(0))
    if kind in _SPREAD_STAYS:
        return _rectified_spread(node.input_value(0))
    if kind in ("Add", "Concat"):
        parts = node.input_values()
        spreads = [spread for spread in map(_rectified_spread, parts) if spread is not None]
        if len(spreads) < len(parts):
            return None
        return math.hypot(*spreads) if kind == "Add" else max(spreads)
    return None


def _spread(source: Any) -> float:
    """How far values of either sign spread: sums of normalised and rectified ones."""
    rectified = _rectified_spread(source)
    if rectified is not None:
        return rectified
    node = source.get_node()
    if node.get_type_name() == "Add":
        return math.hypot(*(_spread(part) for part in node.input_values()))
    return 1.0


def _rounded_rectified(source: Any, spread: float, known: dict[_Key, Any]) -> Any:
    """Rectified values in 8 bits; the parts of a concatenation each by itself, in the same steps."""
    node = source.get_node()
    if node.get_type_name() == "Concat":
        from openvino import opset16

        parts = [_rounded_rectified(part, spread, known) for part in node.input_values()]
        return opset16.concat(parts, node.get_attributes()["axis"]).output(0)
    if node.get_type_name() in ("MaxPool", "Pad"):
        # Pooled and padded as bytes.
        node.input(0).replace_source_output(_rounded_rectified(node.input_value(0), spread, known))
        return source
    key = (f"{node.get_name()} up to {LARGEST * spread}", source.get_index())
    if key not in known:
        known[key] = rounded(source, 0.0, LARGEST * spread, _LEVELS)
    return known[key]


def _bounds(below_zero: int) -> tuple[float, float]:
    """Lowest and highest of the levels when so many of them lie below zero, which is one itself."""
    step = LARGEST / (_LEVELS - 1 - below_zero)
    return -below_zero * step, LARGEST


def _key(output: Any) -> _Key:
    return output.get_node().get_name(), output.get_index()


def rounded(values: Any, low: float | np.ndarray, high: float | np.ndarray, levels: int) -> Any:
    """An output of a graph, clipped and rounded so that the compiler may store it as 8-bit integers.

    Args:
        values: The output.
        low: Lowest level; one number, or an array that fits the output by broadcasting.
        high: Highest level, likewise.
        levels: How many there are, equally far apart.
    """
    from openvino import opset16

    bounds = [opset16.constant(np.asarray(bound, np.float32)) for bound in (low, high)]
    return opset16.fake_quantize(values, *bounds, *bounds, levels).output(0)
