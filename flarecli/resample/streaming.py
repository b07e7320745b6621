"""Applying axis operators to a volume slice by slice, without a floating point copy of the volume."""

from __future__ import annotations

import numpy as np

from flarecli.errors import InputError


def resample_separable(
    voxels: np.ndarray, matrix_z: np.ndarray, matrix_y: np.ndarray, matrix_x: np.ndarray
) -> np.ndarray:
    """Apply one linear operator along each axis of a volume.

    Slices go through y and x one by one and are added up along z, so that the extra memory is the output and
    two slices. Slices, rows and columns that no output depends on are not read.

    Args:
        voxels: Array of shape (z, y, x), any real dtype, any strides.
        matrix_z: Array of shape (z_out, z).
        matrix_y: Array of shape (y_out, y).
        matrix_x: Array of shape (x_out, x).

    Returns:
        float32 array of shape (z_out, y_out, x_out).

    Raises:
        InputError: when the matrices do not fit the volume.
    """
    operators = (matrix_z, matrix_y, matrix_x)
    if voxels.ndim != 3 or voxels.shape != tuple(matrix.shape[1] for matrix in operators):
        raise InputError(
            "the volume and its axis operators do not fit together",
            seen=f"volume of shape {voxels.shape}",
            expected=f"shape {tuple(matrix.shape[1] for matrix in operators)}",
            remedy="Build the operators from the shape of this volume.",
        )
    out = np.zeros((matrix_z.shape[0], matrix_y.shape[0], matrix_x.shape[0]), np.float32)
    rows, columns = _columns_in_use(matrix_y), _columns_in_use(matrix_x)
    along_z = matrix_z.astype(np.float32)
    along_y = np.ascontiguousarray(matrix_y[:, rows], np.float32)
    along_x = np.ascontiguousarray(matrix_x[:, columns].T, np.float32)
    window = voxels[:, rows, columns]
    image = np.empty(window.shape[1:], np.float32)
    half_done = np.empty((along_y.shape[0], image.shape[1]), np.float32)
    plane = np.empty(out.shape[1:], np.float32)
    for index in np.flatnonzero(along_z.any(axis=0)):
        np.copyto(image, window[index])
        np.matmul(along_y, image, out=half_done)
        np.matmul(half_done, along_x, out=plane)
        for target in np.flatnonzero(along_z[:, index]):
            out[target] += along_z[target, index] * plane
    return out


def _columns_in_use(matrix: np.ndarray) -> slice:
    """The smallest range of input samples outside which every weight is zero."""
    used = np.flatnonzero(matrix.any(axis=0))
    return slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 0)
