"""Training samples of the EfficientSCN networks, cut from synthetic scans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.phantom import make_phantom
from flarecli.training.recipes import Recipe

HU_SCALE = 1.0 / 2048.0
"""Image intensities are HU times this, clipped to [-1, 1]. Source: EfficientSCN code."""


@dataclass(frozen=True)
class LabelledScan:
    """A scan to cut samples from.

    Attributes:
        voxels: int16 HU, (z, y, x), LPS (the orientation of the published networks).
        labels: uint8 class of each voxel, of the same shape.
    """

    voxels: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Sample:
    """One training sample.

    Attributes:
        image: float32 in [-1, 1], shape (z, y, x).
        labels: uint8 class of each voxel, of the same shape.
    """

    image: np.ndarray
    labels: np.ndarray


def synthetic_scan(recipe: Recipe, seed: int) -> LabelledScan:
    """Make a synthetic scan: "any organ" labels for the localization network, the four organs else."""
    phantom = make_phantom(
        seed,
        shape_zyx=recipe.scan_shape_zyx,
        spacing_mm=(recipe.spacing_mm,) * 3,
        strength="wide",
    )
    labels = phantom.labels
    if recipe.network == "localization":
        labels = (labels > 0).astype(np.uint8)
    return LabelledScan(
        np.ascontiguousarray(phantom.voxels[:, ::-1, ::-1]), np.ascontiguousarray(labels[:, ::-1, ::-1])
    )


def cut_sample(scan: LabelledScan, recipe: Recipe, rng: np.random.Generator) -> Sample:
    """Cut a sample at a random place, its intensities scaled, shifted and clipped to [-1, 1]."""
    start = [
        int(rng.integers(whole - part + 1)) for whole, part in zip(scan.voxels.shape, recipe.shape_zyx, strict=True)
    ]
    box = tuple(slice(first, first + n) for first, n in zip(start, recipe.shape_zyx, strict=True))
    image = scaled_intensities(scan.voxels[box])
    image += np.float32(rng.uniform(-recipe.intensity_shift, recipe.intensity_shift))
    image *= np.float32(rng.uniform(1 - recipe.intensity_scale, 1 + recipe.intensity_scale))
    return Sample(np.clip(image, -1.0, 1.0, out=image), scan.labels[box])


def scaled_intensities(voxels_hu: np.ndarray) -> np.ndarray:
    """HU scaled for the networks and clipped to [-1, 1]; float32."""
    return np.clip(voxels_hu.astype(np.float32) * np.float32(HU_SCALE), -1.0, 1.0)
