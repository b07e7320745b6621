"""Translation of the OpenVINO graph of a network to ONNX, operation by operation.

Keras exports ONNX through TensorFlow or PyTorch. Here it is translated from the graph that `flare
predict` computes, so that neither is needed and both compute the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.errors import InstallationError
from flarecli.export.onnx_operations import OPERATIONS, UNCHANGED

if TYPE_CHECKING:
    import onnx
    import openvino

OPSET, IR_VERSION = 18, 9
"""Of December 2022: the first with resizing of chosen axes; supported by every current runtime."""

INPUT, OUTPUT = "image", "scores"
"""Names of a network's input and output in exported files."""


def import_onnx() -> Any:
    """The package onnx.

    Raises:
        InstallationError: when it is not installed.
    """
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise InstallationError(
            "networks in ONNX need the package onnx",
            remedy="Install it: pip install 'flarecli[export]', or export with --format openvino.",
        ) from error
    return onnx


def onnx_model(graph: openvino.Model, name: str) -> onnx.ModelProto:
    """Translate a graph to ONNX.

    Transposed convolutions whose windows do not overlap become convolutions of 1x1x1 and a rearrangement: several
    runtimes have no transposed convolution of volumes, or a slow one.

    Args:
        graph: With one input and one output, its kernels constants; sizes that are not known stay open.
        name: Name of the network.

    Raises:
        InstallationError: when the graph holds an operation without a counterpart, or onnx is not installed.
    """
    onnx = import_onnx()
    translation = GraphTranslation(name)
    for node in graph.get_ordered_ops():
        translation.add(node)
    image, scores = (
        onnx.helper.make_tensor_value_info(label, onnx.TensorProto.FLOAT, _named_sizes(shape))
        for label, shape in (
            (INPUT, graph.inputs[0].get_partial_shape()),
            (OUTPUT, graph.outputs[0].get_partial_shape()),
        )
    )
    model = onnx.helper.make_model(
        onnx.helper.make_graph(translation.nodes, name, [image], [scores], translation.constants),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="flare",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


class GraphTranslation:
    """The ONNX nodes of a graph, in the order of its operations.

    Attributes:
        nodes: ONNX nodes.
        constants: ONNX tensors that they use.
    """

    def __init__(self, name: str) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._name = name
        self._names: dict[tuple[str, int], str] = {}
        self._count = 0

    def add(self, node: Any) -> None:
        """Write down one operation of the graph.

        Raises:
            InstallationError: when it has no counterpart.
        """
        kind = node.get_type_name()
        if kind == "Parameter":
            self._names[_key(node.output(0))] = INPUT
        elif kind == "Result":
            self.node("Identity", [self.name(node.input_value(0))], output=OUTPUT)
        elif kind != "Constant":  # these are added where they are used
            self._translate(node, kind)

    def _translate(self, node: Any, kind: str) -> None:
        if kind in UNCHANGED:
            inputs = [self.name(value) for value in node.input_values()]
            results: str | list[str] = self.node(UNCHANGED[kind], inputs)
        elif kind in OPERATIONS:
            try:
                results = OPERATIONS[kind](self, node)
            except ValueError as error:
                raise self._without_counterpart(kind, str(error)) from error
        else:
            raise self._without_counterpart(kind, "no counterpart is known")
        for index, result in enumerate([results] if isinstance(results, str) else results):
            self._names[_key(node.output(index))] = result

    def name(self, value: Any) -> str:
        """The ONNX tensor of an output of the graph."""
        key = _key(value)
        if key not in self._names:
            self._names[key] = self.constant(value.get_node().data)
        return self._names[key]

    def constant(self, array: Any) -> str:
        """Write down an array; whole numbers in 64 bits, as ONNX wants sizes and axes."""
        from onnx import numpy_helper

        array = np.asarray(array)
        array = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        name = self._new_name("constant")
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, inputs: list[str], *, output: str | None = None, **attributes: Any) -> str:
        """Write down an ONNX node with one output; returns the output's name."""
        (result,) = self.node_of_several(kind, inputs, [output or self._new_name(kind.lower())], **attributes)
        return result

    def node_of_several(self, kind: str, inputs: list[str], outputs: int | list[str], **attributes: Any) -> list[str]:
        """Write down an ONNX node with several outputs; returns their names."""
        from onnx import helper

        names = [self._new_name(kind.lower()) for _ in range(outputs)] if isinstance(outputs, int) else outputs
        self.nodes.append(helper.make_node(kind, inputs, names, name=self._new_name("node"), **attributes))
        return names

    def _new_name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    def _without_counterpart(self, kind: str, why: str) -> InstallationError:
        return InstallationError(
            f"the network {self._name} cannot be exported to ONNX",
            seen=f"the operation {kind}: {why}",
            expected=f"one of {', '.join(sorted((*UNCHANGED, *OPERATIONS)))}",
            remedy="Export with --format openvino.",
        )


def _key(output: Any) -> tuple[str, int]:
    return output.get_node().get_name(), output.get_index()


def _named_sizes(shape: Any) -> list[int | str]:
    """Sizes of a shape; names for those that are not known."""
    axes = ("batch", "channel", "z", "y", "x") if len(shape) == 5 else ("batch", "channel", "y", "x")
    return [axis if size.is_dynamic else size.get_length() for axis, size in zip(axes, shape, strict=True)]
