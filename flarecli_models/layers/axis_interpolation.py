"""Integer-factor interpolation along one axis, written with slices so that it is the same on every backend.

`keras.ops.pad(mode="symmetric")` and `"edge"` are not to be relied on for 5-D tensors on every backend, so the
borders are repeated by slicing.
"""

from __future__ import annotations

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


def interpolate_axis(x: Any, taps: np.ndarray, axis: int) -> Any:
    """Enlarge a tensor along one axis by a factor of `len(taps)`, repeating the border values beyond the border.

    Args:
        x: Tensor of any rank.
        taps: Weights of shape (factor, 2 * radius + 1), one row an output phase.
        axis: The axis to enlarge, not negative.

    Returns:
        Tensor of the shape of `x` with `factor` times as many samples along `axis`.
    """
    factor, width = taps.shape
    shape = ops.shape(x)

    def sliced(source: Any, start: int, stop: int | None) -> Any:
        index: list[slice] = [slice(None)] * len(shape)
        index[axis] = slice(start, stop)
        return source[tuple(index)]

    radius = width // 2
    first, last = sliced(x, 0, 1), sliced(x, -1, None)
    padded = ops.concatenate([first] * radius + [x] + [last] * radius, axis=axis)

    phases = []
    for row in taps:
        total = None
        for offset, weight in enumerate(row):
            if weight != 0.0:
                # Ends counted from the back need no size, which may be unknown while a graph is traced.
                term = sliced(padded, offset, offset + 1 - width or None) * float(weight)
                total = term if total is None else total + term
        phases.append(total)
    stacked = ops.stack(phases, axis=axis + 1)
    return ops.reshape(stacked, [*shape[:axis], shape[axis] * factor, *shape[axis + 1 :]])
