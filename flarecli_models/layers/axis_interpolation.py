"""Integer-factor interpolation along axes, written with slices so that it is the same on every backend.

`keras.ops.pad(mode="symmetric")` and `"edge"` are not to be relied on for 5-D tensors on every backend, so the
borders are repeated by slicing.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from functools import cache, reduce
from typing import Any

import numpy as np
from keras import ops


def linear_taps(factor: int) -> np.ndarray:
    """Weights of linear interpolation with half-pixel centres.

    Returns:
        Array of shape (factor, 3): for each output phase the weights of x[n-1], x[n] and x[n+1].
    """
    taps = np.zeros((factor, 3))
    for phase in range(factor):
        offset = (phase + 0.5) / factor - 0.5
        taps[phase, 1] = 1.0 - abs(offset)
        taps[phase, 0 if offset < 0 else 2] = abs(offset)
    return taps


def cubic_taps(factor: int) -> np.ndarray:
    """Weights of Keys' cubic convolution (a = -0.5) with half-pixel centres.

    Returns:
        Array of shape (factor, 5): for each output phase the weights of x[n-2] ... x[n+2].

    Source: R. Keys, "Cubic convolution interpolation for digital image processing", 1981; a = -0.5 as in the
    EfficientSCN code.
    """
    offsets = (np.arange(factor) + 0.5) / factor - 0.5
    distance = np.abs(offsets[:, None] - np.arange(-2, 3)[None, :])
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1.0
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4.0 * distance + 2.0
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def interpolate_axes(x: Any, taps: np.ndarray, axes: Iterable[int]) -> Any:
    """Enlarge a tensor along axes by a factor of `len(taps)`, repeating the border values beyond the border.

    Args:
        x: Tensor of any rank.
        taps: Weights of shape (factor, 2 * radius + 1), one row an output phase.
        axes: The axes to enlarge, one after the other; not negative.

    Returns:
        Tensor of the shape of `x` with `factor` times as many samples along `axes`.
    """
    shape = list(ops.shape(x))
    for axis in axes:
        phases = _phases(x, taps, axis)
        shape[axis] = shape[axis] * len(taps)
        x = ops.reshape(ops.stack(phases, axis=axis + 1), shape)
    return x


def _phases(x: Any, taps: np.ndarray, axis: int) -> list[Any]:
    """Every `factor`-th sample of the enlarged tensor, from the first one on, from the second one on, and so on.

    No slice is made twice: while TensorFlow traces a graph, each takes milliseconds.
    """
    width = taps.shape[1]
    radius = width // 2
    everything = [slice(None)] * len(x.shape)

    def sliced(source: Any, start: int, stop: int | None) -> Any:
        return source[(*everything[:axis], slice(start, stop), *everything[axis + 1 :])]

    first, last = sliced(x, 0, 1), sliced(x, -1, None)
    padded = ops.concatenate([first] * radius + [x] + [last] * radius, axis=axis)

    @cache
    def shifted(offset: int) -> Any:
        # Ends counted from the back need no size, which may be unknown while a graph is traced.
        return x if offset == radius else sliced(padded, offset, offset + 1 - width or None)

    phases = []
    for row in taps:
        terms = (shifted(offset) * float(weight) for offset, weight in enumerate(row) if weight != 0.0)
        phases.append(reduce(operator.add, terms))
    return phases
