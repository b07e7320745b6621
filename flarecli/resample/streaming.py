"""Applying 1-D resampling matrices to a volume slice by slice, without a floating point copy of the volume."""

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
    from scipy.sparse import csr_array  # late: takes 0.1 s, in which a scan can be read already

    operators = (matrix_z, matrix_y, matrix_x)
    if voxels.ndim != 3 or voxels.shape != tuple(matrix.shape[1] for matrix in operators):
        raise InputError(
            "the volume and its 1-D resampling matrices do not fit together",
            seen=f"volume of shape {voxels.shape}",
            expected=f"shape {tuple(matrix.shape[1] for matrix in operators)}",
            remedy="Build the operators from the shape of this volume.",
        )
    out = np.zeros((matrix_z.shape[0], matrix_y.shape[0], matrix_x.shape[0]), np.float32)
    rows, columns = _columns_in_use(matrix_y), _columns_in_use(matrix_x)
    along_z = matrix_z.astype(np.float32)
    # Sparse products run in this thread. Dense ones would be spread by the BLAS library over all cores, which
    # costs many times the work itself as soon as something else is using these, such as a network.
    along_y = csr_array(matrix_y[:, rows].astype(np.float32))
    along_x = csr_array(matrix_x[:, columns].astype(np.float32))
    window = voxels[:, rows, columns]
    image = np.empty(window.shape[1:], np.float32)
    for index in np.flatnonzero(along_z.any(axis=0)):
        np.copyto(image, window[index])
        columns_first = np.ascontiguousarray((along_y @ image).T)
        plane = np.ascontiguousarray((along_x @ columns_first).T)
        for target in np.flatnonzero(along_z[:, index]):
            out[target] += along_z[target, index] * plane
    return out


def _columns_in_use(matrix: np.ndarray) -> slice:
    """The smallest range of input samples outside which every weight is zero."""
    used = np.flatnonzero(matrix.any(axis=0))
    return slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 0)
