"""The rows of its input that an operation needs for rows of its output (its receptive field along the rows).

A rule is exact: an operation that is applied to these rows computes the wanted rows as it would within the whole
tensor. Rows of the result that padding inside the volume affects are cropped.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple


class Rows(NamedTuple):
    """The rows from `start` up to, not including, `stop`."""

    start: int
    stop: int

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.stop - self.start

    def union(self, other: Rows) -> Rows:
        """The smallest range that contains both."""
        return Rows(min(self.start, other.start), max(self.stop, other.stop))


class RowRule(ABC):
    """Relation between rows of the input and of the output of an operation."""

    @abstractmethod
    def needed(self, wanted: Rows, size: int) -> Rows:
        """Rows of an input of `size` rows from which the wanted rows of the output can be computed."""

    @abstractmethod
    def computed(self, taken: Rows, wanted: Rows) -> Rows:
        """Rows of the output, as indices of the whole, that are computed from these rows of the input.

        They contain the wanted ones, for which `taken` was determined.
        """


@dataclass(frozen=True)
class SameRows(RowRule):
    """Elementwise along the rows."""

    def needed(self, wanted: Rows, size: int) -> Rows:
        return wanted

    def computed(self, taken: Rows, wanted: Rows) -> Rows:
        return taken


@dataclass(frozen=True)
class AllRows(RowRule):
    """Every row of the output depends on every row of the input.

    Args:
        size_out: Rows of the whole output.
    """

    size_out: int

    def needed(self, wanted: Rows, size: int) -> Rows:
        return Rows(0, size)

    def computed(self, taken: Rows, wanted: Rows) -> Rows:
        return Rows(0, self.size_out)


@dataclass(frozen=True)
class SlidingWindow(RowRule):
    """Convolution or pooling.

    Args:
        extent: Rows that a window spans, from its first to its last.
        stride: Rows between two windows.
        is_padded: Whether the padding is "same", which depends on the size modulo the stride; "valid" otherwise.
    """

    extent: int
    stride: int
    is_padded: bool

    def needed(self, wanted: Rows, size: int) -> Rows:
        first, last = wanted.start * self.stride, (wanted.stop - 1) * self.stride
        if not self.is_padded:
            return Rows(first, last + self.extent)
        outputs = -(-size // self.stride)
        padding = max((outputs - 1) * self.stride + self.extent - size, 0)
        # The greater half may lie on either side, depending on the backend.
        start = max(0, (first - (padding - padding // 2)) // self.stride * self.stride)
        stop = last + self.extent - padding // 2
        # The backend pads a slab as it pads the whole when both leave the same rest.
        stop = min(stop + (size - stop) % self.stride, size)
        # PyTorch refuses to pool less than a window holds, even where padding would fill it.
        start = max(0, start - self._strides(min(self.extent, size) - (stop - start)))
        return Rows(start, min(stop + self._strides(min(self.extent, size) - (stop - start)), size))

    def _strides(self, missing: int) -> int:
        """The rows of as many strides as cover the missing ones."""
        return max(0, -(-missing // self.stride)) * self.stride

    def computed(self, taken: Rows, wanted: Rows) -> Rows:
        start = taken.start // self.stride
        if self.is_padded:
            return Rows(start, start - (-taken.height // self.stride))
        return Rows(start, start + (taken.height - self.extent) // self.stride + 1)


@dataclass(frozen=True)
class TransposedWindow(RowRule):
    """Transposed convolution.

    Args:
        extent: Rows that the window spans.
        stride: Rows between two windows.
        is_padded: Whether the padding is "same": `stride` rows for each of the input; "valid" otherwise.
    """

    extent: int
    stride: int
    is_padded: bool

    def needed(self, wanted: Rows, size: int) -> Rows:
        overlap = max(self.extent - self.stride, 0) if self.is_padded else 0
        start = -(-(wanted.start - self.extent + 1) // self.stride)
        stop = (wanted.stop - 1 + overlap) // self.stride + 1
        # A window that is shorter than the stride leaves rows that no input reaches.
        start = min(start, wanted.start // self.stride)
        return Rows(min(max(0, start), size - 1), min(stop, size))

    def computed(self, taken: Rows, wanted: Rows) -> Rows:
        start = taken.start * self.stride
        beyond = 0 if self.is_padded else max(self.extent - self.stride, 0)
        return Rows(start, taken.stop * self.stride + beyond)


@dataclass(frozen=True)
class Padded(RowRule):
    """Padding.

    Args:
        before: Rows padded before the first.
        after: Rows padded after the last.
    """

    before: int
    after: int

    def needed(self, wanted: Rows, size: int) -> Rows:
        start = min(max(wanted.start - self.before, 0), size - 1)
        return Rows(start, max(min(wanted.stop - self.before, size), start + 1))

    def computed(self, taken: Rows, wanted: Rows) -> Rows:
        return Rows(taken.start, taken.stop + self.before + self.after)


@dataclass(frozen=True)
class Enlarged(RowRule):
    """Interpolation by a whole factor with half-pixel centres.

    Args:
        factor: Rows of the output for one of the input.
        radius: Neighbours on each side that take part.
    """

    factor: int
    radius: int

    def needed(self, wanted: Rows, size: int) -> Rows:
        start = wanted.start // self.factor - self.radius
        stop = -(-wanted.stop // self.factor) + self.radius
        return Rows(max(0, start), min(stop, size))

    def computed(self, taken: Rows, wanted: Rows) -> Rows:
        return Rows(taken.start * self.factor, taken.stop * self.factor)


@dataclass(frozen=True)
class AlignedRows(RowRule):
    """Linear interpolation with aligned outermost rows; only the wanted rows are computed.

    Args:
        size_in: Rows of the whole input.
        size_out: Rows of the whole output.
    """

    size_in: int
    size_out: int

    def needed(self, wanted: Rows, size: int) -> Rows:
        step = (self.size_in - 1) / max(self.size_out - 1, 1)
        start = min(math.floor(wanted.start * step), max(self.size_in - 2, 0))
        stop = min(math.floor((wanted.stop - 1) * step) + 2, self.size_in)
        return Rows(start, stop)

    def computed(self, taken: Rows, wanted: Rows) -> Rows:
        return wanted
