"""VGG-13 U-Net: every axial slice by itself, then the largest parts of each organ."""

from __future__ import annotations

from typing import Any

import numpy as np

from flarecli.export.runner.components import largest_components
from flarecli.export.runner.networks import Network
from flarecli.export.runner.nifti import Scan
from flarecli.export.runner.resampling import class_map


def segment(scan: Scan, networks: dict[str, Network], method: dict[str, Any]) -> np.ndarray:
    """The label map of a scan, uint8, shape (z, y, x)."""
    size = method["slice_size"]
    labels = np.zeros(scan.hu.shape, np.uint8)
    for plane, out in zip(scan.hu, labels, strict=True):
        grey = grey_slice(plane.T[::-1, ::-1], size, method)
        image = grey.astype(np.float32)
        if grey.std() >= 1:
            image -= np.float32(grey.mean())
            image /= np.float32(grey.std())
        batch = np.repeat(image[None, None], method["input_channels"], axis=1)
        classes = class_map(networks["segmentation"](batch)[0]).T[::-1, ::-1]
        if classes.shape == out.shape:
            out[:] = classes
            continue
        for label in range(1, 5):
            if (classes == label).any():
                out[resized(classes == label, out.shape) > method["restoring_share"]] = label
    for label, count in enumerate(method["kept_components"], start=1):
        mask = labels == label
        labels[mask & ~largest_components(mask, count, connectivity=method["connectivity"])] = 0
    return labels


def grey_slice(plane: np.ndarray, size: int, method: dict[str, Any]) -> np.ndarray:
    """A slice of the network's size, its intensities between two percentiles spread over 0 to 255; uint8."""
    if plane.shape != (size, size):
        plane = resized(plane, (size, size))
    low, high = np.percentile(plane, method["clip_percentiles"])
    if high <= low:
        return np.zeros(plane.shape, np.uint8)
    return np.rint((np.clip(plane, low, high) - low) * (255 / (high - low))).astype(np.uint8)


def resized(plane: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Linear interpolation between voxels with the same borders, a Gaussian before it where the plane shrinks."""
    for axis, n_out in enumerate(shape):
        matrix = resizing_matrix(plane.shape[axis], n_out)
        plane = np.moveaxis(np.tensordot(matrix, plane.astype(np.float64), (1, axis)), 0, axis)
    return plane


def resizing_matrix(n_in: int, n_out: int) -> np.ndarray:
    """The resizing of one axis; beyond its ends it goes on as its mirror image without the edge voxel."""
    smoothing = np.eye(n_in)
    sigma = max(0.0, (n_in / n_out - 1) / 2)
    radius = int(4 * sigma + 0.5)
    if radius:
        offsets = np.arange(-radius, radius + 1)
        kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
        smoothing = np.zeros((n_in, n_in))
        source = mirrored(np.arange(n_in)[:, None] + offsets[None, :], n_in)
        np.add.at(smoothing, (np.arange(n_in)[:, None], source), kernel[None, :] / kernel.sum())
    position = (np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5
    lower = np.floor(position).astype(int)
    matrix = np.zeros((n_out, n_in))
    np.add.at(matrix, (np.arange(n_out), mirrored(lower, n_in)), 1 - (position - lower))
    np.add.at(matrix, (np.arange(n_out), mirrored(lower + 1, n_in)), position - lower)
    return matrix @ smoothing


def mirrored(index: np.ndarray, count: int) -> np.ndarray:
    """Indices within an axis for any whole numbers."""
    period = max(1, 2 * count - 2)
    index = np.abs(index) % period
    return np.where(index < count, index, period - index)
