"""EfficientSCN in numpy, written from the paper's and code's description: slow, float64, one clear way to do it.

Volumes are (channels, z, y, x); weights are found as `layer/kernel` (kz, ky, kx, in, out) and `layer/bias`. It shares
nothing with the software under test, so that parity can be tested without reference data; where that data is at
hand, a test compares this module with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Weights = Mapping[str, np.ndarray]
Kernel = Callable[[np.ndarray], np.ndarray]

KEYS_A = -0.5


def localization(image: np.ndarray, weights: Weights, levels: int) -> np.ndarray:
    """Logits (classes, z, y, x) of an image (1, z, y, x)."""
    return convolution(unet(image, weights, levels, ""), weights, "prediction")


def segmentation(
    image: np.ndarray,
    weights: Weights,
    local_levels: int,
    spatial_levels: int,
    labels: int,
    epsilon: float = 1e-8,
) -> dict[str, np.ndarray]:
    """Scores `final`, logits `local` and `spatial`, each (labels, z, y, x), of an image (1, z, y, x)."""
    local = convolution(unet(image, weights, local_levels, "local_"), weights, "local_prediction")
    organs = average_pooled(sigmoid(local), 4)
    coarse_image = average_pooled(image, 4)
    coarse = []
    for label in range(labels):
        others = [organs[other] for other in range(1, labels) if other != label]
        seen = np.stack([coarse_image[0], *others])
        features = unet(seen, weights, spatial_levels, f"spatial_label{label}_")
        coarse.append(convolution(features, weights, f"spatial_label{label}_prediction"))
    spatial = enlarged(np.concatenate(coarse), 4, cubic_kernel)
    return {"final": fused(local, spatial, epsilon), "local": local, "spatial": spatial}


def unet(x: np.ndarray, weights: Weights, levels: int, prefix: str) -> np.ndarray:
    """Features of a U-Net of constant width."""
    skips = []
    for level in range(levels):
        x = block(x if level == 0 else average_pooled(x, 2), weights, f"{prefix}contracting{level}")
        skips.append(x)
    x = block(x, weights, f"{prefix}expanding{levels - 1}")
    for level in range(levels - 2, -1, -1):
        upsampled = enlarged(x, 2, linear_kernel)
        x = block(np.concatenate([skips[level], upsampled]), weights, f"{prefix}expanding{level}")
    return x


def block(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """Two convolutions, each with a leaky ReLU of slope 0.1."""
    for index in range(2):
        x = convolution(x, weights, f"{name}_conv{index}")
        x = np.maximum(x, 0.1 * x)
    return x


def convolution(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """Convolution with zero padding that keeps the size, and bias."""
    kernel = weights[f"{name}/kernel"].astype(np.float64)
    size = kernel.shape[0]
    margin = size // 2
    padded = np.pad(x, [(0, 0)] + [(margin, margin)] * 3)
    _, depth, height, width = x.shape
    total = np.zeros((kernel.shape[-1], depth, height, width))
    for z, y, col in np.ndindex(size, size, size):
        window = padded[:, z : z + depth, y : y + height, col : col + width]
        total += np.einsum("io,izyx->ozyx", kernel[z, y, col], window)
    return total + weights[f"{name}/bias"].astype(np.float64)[:, None, None, None]


def average_pooled(x: np.ndarray, size: int) -> np.ndarray:
    """Means over cubes of `size` voxels a side."""
    channels, depth, height, width = x.shape
    cubes = x.reshape(channels, depth // size, size, height // size, size, width // size, size)
    return cubes.mean(axis=(2, 4, 6))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function."""
    return 1.0 / (1.0 + np.exp(-x))


def linear_kernel(distance: np.ndarray) -> np.ndarray:
    """Weight of a sample at a distance in samples, for linear interpolation."""
    return np.maximum(0.0, 1.0 - np.abs(distance))


def cubic_kernel(distance: np.ndarray) -> np.ndarray:
    """Weight of a sample at a distance in samples, for Keys' cubic convolution."""
    d, a = np.abs(distance), KEYS_A
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def interpolation_matrix(size: int, factor: int, kernel: Kernel) -> np.ndarray:
    """Matrix (factor * size, size) that enlarges an axis; samples beyond the border count for the border."""
    positions = (np.arange(size * factor) + 0.5) / factor - 0.5
    matrix = np.zeros((size * factor, size))
    for row, position in enumerate(positions):
        for sample in range(int(np.floor(position)) - 2, int(np.floor(position)) + 4):
            matrix[row, min(max(sample, 0), size - 1)] += kernel(np.array(position - sample))
    return matrix


def enlarged(x: np.ndarray, factor: int, kernel: Kernel) -> np.ndarray:
    """The last three axes enlarged by a whole factor."""
    for axis in (-3, -2, -1):
        matrix = interpolation_matrix(x.shape[axis], factor, kernel)
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    return x


def fused(local: np.ndarray, spatial: np.ndarray, epsilon: float) -> np.ndarray:
    """Local and spatial probabilities mixed by the spatial ones' entropy, with a sum of 1 over axis 0."""
    likely = sigmoid(spatial)
    unsure = -(likely * np.log(likely) + (1 - likely) * np.log(1 - likely)) / np.log(2)
    merged = unsure * sigmoid(local) + (1 - unsure) * likely
    return merged / (merged.sum(axis=0) + epsilon)
