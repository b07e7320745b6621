"""Label values on a scan's own grid from the scores of a network, slice by slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from flarecli.training.views.base import Decode


def decoded_by_slice(scores: np.ndarray, matrices: Sequence[np.ndarray], decode: Decode) -> np.ndarray:
    """Interpolate scores with one matrix an axis and decode them, one slice at a time.

    Args:
        scores: float32 (channels, z, y, x).
        matrices: For z, y and x, each (output size, input size).
        decode: Values from the scores of one slice.

    Returns:
        uint8 array (z, y, x) of the output sizes.
    """
    along_z, along_y, along_x = matrices
    channels, _, height, width = scores.shape
    by_row, by_column = (csr_array(matrix.astype(np.float32)) for matrix in (along_y, along_x))
    values = np.empty((len(along_z), len(along_y), len(along_x)), np.uint8)
    for index, weights in enumerate(along_z.astype(np.float32)):
        used = np.flatnonzero(weights)
        plane = np.tensordot(scores[:, used], weights[used], axes=(1, 0))
        rows = by_row @ plane.transpose(1, 0, 2).reshape(height, channels * width)
        stacked = rows.reshape(len(along_y), channels, width).transpose(2, 1, 0).reshape(width, -1)
        full = (by_column @ np.ascontiguousarray(stacked)).reshape(len(along_x), channels, len(along_y))
        values[index] = decode(np.ascontiguousarray(full.transpose(1, 2, 0)))
    return values
