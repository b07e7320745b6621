"""The ONNX counterpart of each OpenVINO operation that occurs in the networks of the systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np


class Translation(Protocol):
    """The ONNX nodes of a graph as far as they are written down; see `flarecli.export.onnx_graph.GraphTranslation`."""

    def name(self, value: Any) -> str:
        """The ONNX tensor of an output of the graph."""
        ...

    def constant(self, array: Any) -> str:
        """Write down an array; returns its name."""
        ...

    def node(self, kind: str, inputs: list[str], *, output: str | None = None, **attributes: Any) -> str:
        """Write down an ONNX node with one output; returns the output's name."""
        ...

    def node_of_several(self, kind: str, inputs: list[str], outputs: int | list[str], **attributes: Any) -> list[str]:
        """Write down an ONNX node with several outputs; returns their names."""
        ...


UNCHANGED = {
    "Add": "Add",
    "Subtract": "Sub",
    "Multiply": "Mul",
    "Divide": "Div",
    "Sqrt": "Sqrt",
    "Relu": "Relu",
    "Sigmoid": "Sigmoid",
    "SoftPlus": "Softplus",
    "Reshape": "Reshape",
    "ShapeOf": "Shape",
    "Unsqueeze": "Unsqueeze",
}
"""By OpenVINO's name: the ONNX operation with the same inputs and no attributes."""


def _constant(node: Any, index: int) -> np.ndarray:
    """The constant that an operation has for an input.

    Raises:
        ValueError: when that is none.
    """
    source = node.input_value(index).get_node()
    if source.get_type_name() != "Constant":
        raise ValueError(f"input {index} is computed, where a constant is expected")
    array: np.ndarray = source.data
    return array


def _window(node: Any, size: tuple[int, ...]) -> dict[str, Any]:
    """Strides, dilations and padding of a window that moves over the image.

    Raises:
        ValueError: when the padding depends on the size of the image.
    """
    attributes = node.get_attributes()
    strides, dilations = list(attributes["strides"]), list(attributes["dilations"])
    before, after = list(attributes["pads_begin"]), list(attributes["pads_end"])
    if attributes["auto_pad"] == "valid":
        before = after = [0] * len(strides)
    elif attributes["auto_pad"].startswith("same"):
        if any(step != 1 for step in strides):
            raise ValueError("strides with a padding that depends on the size")
        total = [(length - 1) * step for length, step in zip(size, dilations, strict=True)]
        lower = [length // 2 for length in total]
        upper = [length - half for length, half in zip(total, lower, strict=True)]
        before, after = (lower, upper) if attributes["auto_pad"] == "same_upper" else (upper, lower)
    return {"strides": strides, "dilations": dilations, "pads": [*before, *after]}


def _convolution(translation: Translation, node: Any) -> str:
    kernel = _constant(node, 1)
    inputs = [translation.name(value) for value in node.input_values()]
    return translation.node("Conv", inputs, kernel_shape=kernel.shape[2:], **_window(node, kernel.shape[2:]))


def _transposed_convolution(translation: Translation, node: Any) -> str:
    """A convolution of 1x1x1 to the voxels of each block, which are then moved to their places."""
    kernel, attributes = _constant(node, 1), node.get_attributes()
    channels_in, channels, *block = kernel.shape
    axes = len(block)
    margins = ("pads_begin", "pads_end", "output_padding")
    if list(attributes["strides"]) != block or any(any(attributes[margin]) for margin in margins):
        raise ValueError("windows that overlap")
    image = translation.name(node.input_value(0))
    # To (place in the block, output channel), input channel.
    places = kernel.transpose(*range(2, 2 + axes), 1, 0).reshape(-1, channels_in, *[1] * axes)
    blocks = translation.node(
        "Conv", [image, translation.constant(np.ascontiguousarray(places))], kernel_shape=[1] * axes
    )
    batch = translation.node("Shape", [image], start=0, end=1)
    sizes = translation.node("Shape", [image], start=2)
    apart = translation.node("Concat", [batch, translation.constant(np.array([*block, channels])), sizes], axis=0)
    spread = translation.node("Reshape", [blocks, apart])
    # (batch, places, channel, sizes) to (batch, channel, size and place of each axis).
    order = [0, 1 + axes]
    for axis in range(axes):
        order += [2 + axes + axis, 1 + axis]
    moved = translation.node("Transpose", [spread], perm=order)
    larger = translation.node("Mul", [sizes, translation.constant(np.array(block))])
    joined = translation.node("Concat", [batch, translation.constant(np.array([channels])), larger], axis=0)
    return translation.node("Reshape", [moved, joined])


def _pooling(kind: str) -> Callable[[Translation, Any], str]:
    def translate(translation: Translation, node: Any) -> str:
        attributes = node.get_attributes()
        kernel = list(attributes["kernel"])
        if attributes["rounding_type"] != "floor":
            raise ValueError("windows beyond the end of the image")
        window = _window(node, tuple(kernel))
        if kind == "AveragePool" and (any(window["pads"]) or any(step != 1 for step in window.pop("dilations"))):
            raise ValueError("averages over padding, or over voxels that are apart")
        return translation.node(kind, [translation.name(node.input_value(0))], kernel_shape=kernel, **window)

    return translate


def _reduction(kind: str) -> Callable[[Translation, Any], str]:
    def translate(translation: Translation, node: Any) -> str:
        axes = np.atleast_1d(_constant(node, 1))
        image = translation.name(node.input_value(0))
        keeps = int(node.get_attributes()["keep_dims"])
        return translation.node(kind, [image, translation.constant(axes)], keepdims=keeps)

    return translate


def _power(translation: Translation, node: Any) -> str:
    image, exponent = translation.name(node.input_value(0)), _constant(node, 1)
    if exponent.size == 1 and float(exponent.ravel()[0]) == 2.0:
        return translation.node("Mul", [image, image])
    return translation.node("Pow", [image, translation.constant(exponent)])


def _leaky_rectifier(translation: Translation, node: Any) -> str:
    image, slope = translation.name(node.input_value(0)), _constant(node, 1)
    if slope.size == 1:
        return translation.node("LeakyRelu", [image], alpha=float(slope.ravel()[0]))
    return translation.node("PRelu", [image, translation.constant(slope)])


def _along_axis(kind: str) -> Callable[[Translation, Any], str]:
    def translate(translation: Translation, node: Any) -> str:
        inputs = [translation.name(value) for value in node.input_values()]
        return translation.node(kind, inputs, axis=int(node.get_attributes()["axis"]))

    return translate


def _split(translation: Translation, node: Any) -> list[str]:
    image, axis = translation.name(node.input_value(0)), int(_constant(node, 1))
    count = node.get_output_size()
    if node.get_type_name() == "VariadicSplit":
        lengths = _constant(node, 2)
    else:
        lengths = np.full(count, node.input_value(0).get_partial_shape()[axis].get_length() // count)
    return translation.node_of_several("Split", [image, translation.constant(lengths)], count, axis=axis)


def _slice(translation: Translation, node: Any) -> str:
    image = translation.name(node.input_value(0))
    starts, ends, steps, axes = (translation.constant(_constant(node, index)) for index in range(1, 5))
    return translation.node("Slice", [image, starts, ends, axes, steps])


def _gather(translation: Translation, node: Any) -> str:
    inputs = [translation.name(node.input_value(index)) for index in range(2)]
    return translation.node("Gather", inputs, axis=int(_constant(node, 2)))


def _padding(translation: Translation, node: Any) -> str:
    if node.get_attributes()["pad_mode"] != "constant":
        raise ValueError("a padding that is not constant")
    value = _constant(node, 3) if node.get_input_size() > 3 else np.float32(0)
    margins = np.concatenate([_constant(node, 1), _constant(node, 2)])
    inputs = [translation.name(node.input_value(0)), translation.constant(margins), translation.constant(value)]
    return translation.node("Pad", inputs, mode="constant")


def _normalization(translation: Translation, node: Any) -> str:
    """Batch normalisation by kept statistics: image, scale, shift, mean, variance."""
    inputs = [translation.name(value) for value in node.input_values()]
    return translation.node("BatchNormalization", inputs, epsilon=float(node.get_attributes()["epsilon"]))


def _interpolation(translation: Translation, node: Any) -> str:
    """Linear interpolation of the last axes; by factors, since a batch may have any length."""
    attributes, image = node.get_attributes(), node.input_value(0)
    if attributes["mode"] not in ("linear", "linear_onnx") or attributes["antialias"]:
        raise ValueError(f"interpolation of mode {attributes['mode']}")
    kept = len(image.get_partial_shape()) - _constant(node, 1).size
    shared = {"mode": "linear", "coordinate_transformation_mode": attributes["coordinate_transformation_mode"]}
    if attributes["shape_calculation_mode"] == "scales":
        factors = np.array([1.0] * kept + _constant(node, 1).tolist(), np.float32)
        return translation.node("Resize", [translation.name(image), "", translation.constant(factors)], **shared)
    lengths_in = [image.get_partial_shape()[kept + axis].get_length() for axis in range(_constant(node, 1).size)]
    lengths = _constant(node, 1).tolist()
    if image.get_partial_shape()[0].is_dynamic:
        factors = np.array([1.0] * kept + [n / m for n, m in zip(lengths, lengths_in, strict=True)], np.float32)
        return translation.node("Resize", [translation.name(image), "", translation.constant(factors)], **shared)
    whole = [image.get_partial_shape()[axis].get_length() for axis in range(kept)] + lengths
    inputs = [translation.name(image), "", "", translation.constant(np.array(whole))]
    return translation.node("Resize", inputs, **shared)


def _conversion(translation: Translation, node: Any) -> str:
    """To the type that a tensor has already, as far as ONNX is concerned, where whole numbers have 64 bits."""
    is_real = [kind.is_real() for kind in (node.input_value(0).get_element_type(), node.output(0).get_element_type())]
    if is_real[0] != is_real[1]:
        raise ValueError("between whole and real numbers")
    return translation.name(node.input_value(0))


OPERATIONS: dict[str, Callable[[Any, Any], str | list[str]]] = {
    "AvgPool": _pooling("AveragePool"),
    "BatchNormInference": _normalization,
    "Concat": _along_axis("Concat"),
    "Convert": _conversion,
    "Convolution": _convolution,
    "ConvolutionBackpropData": _transposed_convolution,
    "Gather": _gather,
    "Interpolate": _interpolation,
    "MaxPool": _pooling("MaxPool"),
    "PRelu": _leaky_rectifier,
    "Pad": _padding,
    "Power": _power,
    "ReduceMean": _reduction("ReduceMean"),
    "ReduceSum": _reduction("ReduceSum"),
    "Slice": _slice,
    "Softmax": _along_axis("Softmax"),
    "Split": _split,
    "VariadicSplit": _split,
}
"""By OpenVINO's name: writes the operation down; raises ValueError where it has a form that ONNX lacks."""
