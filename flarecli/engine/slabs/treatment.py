"""How each layer of a network is computed in slabs: the rows that it needs, and its workspace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from flarecli.engine.slabs.row_rules import (
    AlignedRows,
    AllRows,
    Enlarged,
    Padded,
    RowRule,
    SameRows,
    SlidingWindow,
    TransposedWindow,
)
from flarecli_models.data_format import CHANNELS_FIRST
from flarecli_models.layers import (
    AlignedResize3D,
    ClassProbabilities,
    EntropyFusion,
    InstanceNormalization,
    LinearUpsampling2D,
    PerImageNormalization,
    SaltAndPepper3D,
)
from flarecli_models.layers.separable_upsampling import SeparableUpsampling3D

_CONVOLUTIONS = (layers.Conv2D, layers.Conv3D, layers.DepthwiseConv2D)
_TRANSPOSED = (layers.Conv2DTranspose, layers.Conv3DTranspose)
_POOLINGS = (layers.AveragePooling2D, layers.AveragePooling3D, layers.MaxPooling2D, layers.MaxPooling3D)
_PADDINGS = (layers.ZeroPadding2D, layers.ZeroPadding3D)
_DROPOUTS = (layers.Dropout, layers.SpatialDropout2D, layers.SpatialDropout3D, SaltAndPepper3D)
_SUMS = (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum)
_RECTIFIERS = (layers.ReLU, layers.LeakyReLU, layers.ELU)
_ELEMENTWISE_ACTIVATIONS = frozenset(
    {"linear", "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "hard_sigmoid", "softplus", "tanh"}
)
_ELEMENTWISE_OPERATIONS = frozenset({"Sigmoid", "StopGradient", "Relu", "LeakyRelu", "Softplus", "Tanh", "Identity"})
"""Names of Keras' own operations (`keras.ops`) that take one tensor."""

STATISTICS = (InstanceNormalization, PerImageNormalization)
"""Layers that need moments over the whole tensor; row by row once these are known."""


@dataclass(frozen=True)
class Workspace:
    """Memory that a layer needs beside its input and its result, as multiples of their bytes.

    Counted for a GPU: for convolutions, that cuDNN may copy both into another layout; for the rest, the passes of
    Keras' own code. Kernels are read in another order of axes, which makes a copy, in half precision two.
    """

    of_input: float = 0.0
    of_result: float = 0.0
    of_kernel: float = 0.0

    def bytes(self, entering: int, leaving: int, kernel: int) -> int:
        """The memory for an input, a result and a kernel of so many bytes."""
        return math.ceil(self.of_input * entering + self.of_result * leaving + self.of_kernel * kernel)


_CONVOLVING = Workspace(of_input=1.0, of_result=1.0, of_kernel=2.0)
_NONE = Workspace()


@dataclass(frozen=True)
class Treatment:
    """How one operation is computed in slabs.

    Attributes:
        rule: Which rows it needs.
        workspace: Its temporary memory.
        spreads: Whether neighbouring slabs compute rows twice when its result is not kept: convolutions whose kernel
            spans several rows.
        is_cheap: Whether recomputing it costs less than transferring its result: one pass over one tensor.
        needs_moments: Whether it is one of `STATISTICS`.
    """

    rule: RowRule
    workspace: Workspace
    spreads: bool = False
    is_cheap: bool = False
    needs_moments: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it needs its whole input at once."""
        return isinstance(self.rule, AllRows)


def treatment_of(operation: Any, axis: int, shapes_in: Sequence[tuple[int, ...]], size_out: int) -> Treatment:
    """The treatment of an operation; one that is not known to be local needs its whole input.

    Args:
        operation: Of a functional model.
        axis: Axis of the rows.
        shapes_in: Shapes of its inputs.
        size_out: Rows of its result.
    """
    whole = Treatment(AllRows(size_out), Workspace(of_input=1.0, of_result=1.0))
    if len({shape[axis] for shape in shapes_in}) != 1 or _has_other_layout(operation, axis):
        return whole
    size_in = shapes_in[0][axis]
    return _local_treatment(operation, axis, size_in, size_out, len(shapes_in[0])) or whole


def _local_treatment(operation: Any, axis: int, size_in: int, size_out: int, rank: int) -> Treatment | None:
    if isinstance(operation, _TRANSPOSED):
        extent = _extent(operation.kernel_size[0], operation.dilation_rate[0])
        if operation.output_padding is not None or operation.padding not in ("valid", "same"):
            return None
        window = TransposedWindow(extent, operation.strides[0], operation.padding == "same")
        return Treatment(window, _CONVOLVING, spreads=extent > operation.strides[0])
    if isinstance(operation, _CONVOLUTIONS):
        extent = _extent(operation.kernel_size[0], operation.dilation_rate[0])
        if operation.padding not in ("valid", "same"):
            return None
        sliding = SlidingWindow(extent, operation.strides[0], operation.padding == "same")
        return Treatment(sliding, _CONVOLVING, spreads=extent > operation.strides[0])
    if isinstance(operation, _POOLINGS):
        return Treatment(
            SlidingWindow(operation.pool_size[0], operation.strides[0], operation.padding == "same"), _NONE
        )
    if isinstance(operation, _PADDINGS):
        return Treatment(Padded(*operation.padding[0]), _NONE)
    if isinstance(operation, AlignedResize3D):
        return Treatment(AlignedRows(size_in, size_out), Workspace(of_input=1.0, of_result=2.0))
    if isinstance(operation, SeparableUpsampling3D):
        # Padded, phases and their terms, stacked, in a pass over each axis; PyTorch may hold them until the next one.
        radius = operation.taps().shape[1] // 2
        return Treatment(Enlarged(operation.factor, radius), Workspace(of_result=5.0))
    if isinstance(operation, LinearUpsampling2D):
        return Treatment(Enlarged(operation.factor, 1), Workspace(of_input=1.0, of_result=1.0))
    return _treatment_row_by_row(operation, axis, rank)


def _treatment_row_by_row(operation: Any, axis: int, rank: int) -> Treatment | None:
    if isinstance(operation, STATISTICS):
        return Treatment(SameRows(), Workspace(of_input=2.0, of_result=2.0), is_cheap=True, needs_moments=True)
    if isinstance(operation, layers.BatchNormalization):
        is_across_rows = operation.axis % rank == axis
        return None if is_across_rows else Treatment(SameRows(), Workspace(of_result=2.0), is_cheap=True)
    if isinstance(operation, EntropyFusion):
        is_across_rows = operation.channel_axis % rank == axis
        return None if is_across_rows else Treatment(SameRows(), Workspace(of_result=5.0))
    if isinstance(operation, ClassProbabilities):
        # Exponentials, their parts, and these joined again.
        return Treatment(SameRows(), Workspace(of_input=3.0))
    if isinstance(operation, layers.Concatenate):
        return None if operation.axis % rank == axis else Treatment(SameRows(), _NONE)
    if isinstance(operation, _SUMS):
        return Treatment(SameRows(), Workspace(of_result=1.0))
    if isinstance(operation, _DROPOUTS):
        return Treatment(SameRows(), _NONE, is_cheap=True)
    if isinstance(operation, _RECTIFIERS) or _is_elementwise(operation, axis, rank):
        return Treatment(SameRows(), Workspace(of_result=1.0), is_cheap=True)
    return None


def _is_elementwise(operation: Any, axis: int, rank: int) -> bool:
    if isinstance(operation, layers.Activation):
        return getattr(operation.activation, "__name__", "") in _ELEMENTWISE_ACTIVATIONS
    if isinstance(operation, keras.layers.Layer):
        return False
    name = type(operation).__name__
    return name in _ELEMENTWISE_OPERATIONS or (name == "Split" and operation.axis % rank != axis)


def _has_other_layout(operation: Any, axis: int) -> bool:
    """Whether a layer's first spatial axis is another one than that of the rows."""
    layout = getattr(operation, "data_format", None)
    return layout is not None and (2 if layout == CHANNELS_FIRST else 1) != axis


def _extent(size: int, dilation: int) -> int:
    return (size - 1) * dilation + 1
