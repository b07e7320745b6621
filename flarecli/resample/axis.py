"""Linear operations along one axis, each as a matrix of shape (n_out, n_in).

A sequence such as smooth, crop, pad with zeros, shrink is then composed into one small matrix per axis, and the
image is read only when the composed matrices are applied (`resample_separable`).
Matrices are float64 while they are being composed; whoever applies them casts the product to float32.
"""

from __future__ import annotations

import math

import numpy as np


def area_matrix(n_in: int, n_out: int) -> np.ndarray:
    """Average over equal parts of the axis, the parts' borders falling inside samples where they do.

    Output sample o is the mean of the piecewise constant input over [o * n_in / n_out, (o + 1) * n_in /
    n_out].

    Args:
        n_in: Number of input samples, at least 1.
        n_out: Number of output samples, at least 1; may exceed `n_in`.

    Returns:
        float64 array of shape (n_out, n_in); rows sum to 1.
    """
    scale = n_in / n_out
    part_start = np.arange(n_out)[:, None] * scale
    sample_start = np.arange(n_in)[None, :]
    overlap = np.minimum(part_start + scale, sample_start + 1) - np.maximum(part_start, sample_start)
    weights = np.maximum(overlap, 0.0)
    # Parts that end exactly between two samples get an overlap of 1e-14 with the next; it would make another
    # input row necessary and changes nothing.
    weights[weights < 1e-9 * scale] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)


def gaussian_matrix(n: int, sigma_samples: float) -> np.ndarray:
    """Smooth with a sampled Gaussian, the axis continued by its mirror image (edge sample repeated).

    The kernel is cut at ceil(4 * sigma + 0.5) samples on each side and normalised to sum 1.

    Args:
        n: Number of samples, at least 1.
        sigma_samples: Standard deviation in samples; 0 gives the identity.

    Returns:
        float64 array of shape (n, n); rows sum to 1.
    """
    if sigma_samples == 0:
        return np.eye(n)
    radius = math.ceil(4 * sigma_samples + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma_samples) ** 2)
    kernel /= kernel.sum()
    # The continued axis has period 2 n: its second half is the axis read backwards.
    source = (np.arange(n)[:, None] + offsets[None, :]) % (2 * n)
    source = np.where(source < n, source, 2 * n - 1 - source)
    matrix = np.zeros((n, n))
    np.add.at(matrix, (np.arange(n)[:, None], source), kernel[None, :])
    return matrix


def linear_matrix(n_in: int, n_out: int) -> np.ndarray:
    """Interpolate linearly between sample centres: half-pixel convention, ends clamped, no antialiasing.

    Output sample o lies at (o + 0.5) * n_in / n_out - 0.5, as in PyTorch with align_corners=False.

    Args:
        n_in: Number of input samples, at least 1.
        n_out: Number of output samples, at least 1.

    Returns:
        float64 array of shape (n_out, n_in); rows sum to 1 and have at most two non-zero entries.
    """
    return _two_tap_matrix(n_in, *linear_taps(n_in, n_out))


def aligned_matrix(n_in: int, n_out: int) -> np.ndarray:
    """Interpolate linearly between sample centres so that the outermost centres are kept; no antialiasing.

    Output sample o lies at o * (n_in - 1) / (n_out - 1), a single one at 0, as in PyTorch with
    align_corners=True.

    Args:
        n_in: Number of input samples, at least 1.
        n_out: Number of output samples, at least 1.

    Returns:
        float64 array of shape (n_out, n_in); rows sum to 1 and have at most two non-zero entries.
    """
    return _two_tap_matrix(n_in, *aligned_taps(n_in, n_out))


def sampled_matrix(n_in: int, positions: np.ndarray) -> np.ndarray:
    """Interpolate linearly between sample centres at any positions; beyond the ends the end sample is taken.

    Args:
        n_in: Number of input samples, at least 1.
        positions: Where each output sample lies, in input samples; shape (n_out,).

    Returns:
        float64 array of shape (n_out, n_in); rows sum to 1 and have at most two non-zero entries.
    """
    return _two_tap_matrix(n_in, *_two_taps(np.clip(positions, 0.0, n_in - 1.0), n_in))


def linear_taps(n_in: int, n_out: int) -> tuple[np.ndarray, np.ndarray]:
    """The two input samples between which each output sample of `linear_matrix` lies.

    Returns:
        lower: intp array of shape (n_out,), never decreasing, at most max(n_in - 2, 0); the other sample is
            lower + 1.
        upper_weight: float64 array of shape (n_out,), weight in [0, 1] of the other sample.
    """
    position = (np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5
    return _two_taps(np.clip(position, 0.0, n_in - 1.0), n_in)


def aligned_taps(n_in: int, n_out: int) -> tuple[np.ndarray, np.ndarray]:
    """The two input samples between which each output sample of `aligned_matrix` lies, as in `linear_taps`."""
    return _two_taps(np.arange(n_out) * ((n_in - 1) / max(n_out - 1, 1)), n_in)


def _two_taps(position: np.ndarray, n_in: int) -> tuple[np.ndarray, np.ndarray]:
    lower = np.minimum(position.astype(np.intp), max(n_in - 2, 0))
    return lower, position - lower


def _two_tap_matrix(n_in: int, lower: np.ndarray, upper_weight: np.ndarray) -> np.ndarray:
    rows = np.arange(lower.size)
    matrix = np.zeros((lower.size, n_in))
    matrix[rows, lower] = 1.0 - upper_weight
    matrix[rows, np.minimum(lower + 1, n_in - 1)] += upper_weight
    return matrix


def composed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The composition of two 1-D resampling matrices: `first`, then `second`.

    Args:
        first: Array of shape (n, n_in).
        second: Array of shape (n_out, n).

    Returns:
        Array of shape (n_out, n_in), the matrix product second @ first.
    """
    from scipy.sparse import csr_array  # late: takes 0.1 s, in which a scan can be read already

    # Most entries are zero, and a dense product would start the BLAS library's threads needlessly.
    return csr_array(second) @ first


def crop_and_pad_rows(matrix: np.ndarray, cropping: tuple[int, int], padding: tuple[int, int]) -> np.ndarray:
    """Crop the output of an 1-D resampling matrix at both ends, then extend it by samples of value 0.

    Args:
        matrix: Array of shape (n_out, n_in).
        cropping: Number of output samples removed at the lower and the upper end.
        padding: Number of zero samples added at the lower and the upper end.

    Returns:
        Array of shape (n_out - sum(cropping) + sum(padding), n_in).
    """
    return np.pad(matrix[cropping[0] : matrix.shape[0] - cropping[1]], (padding, (0, 0)))
