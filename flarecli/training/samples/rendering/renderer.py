"""Renders scans of patients on a device, with PyTorch.

Drawing a patient takes a processor core a second. The intensities and the acquisition that
`flarecli.phantom.acquisition` computes for one scan are computed here for a batch, by the same model. Texture fields
are Gaussian instead of splines of the same width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from flarecli.phantom.acquisition import (
    COARSE_STEP_MM,
    FINE_STEP_MM,
    HU_RANGE,
    LEAST_GRAIN,
    MOTTLING,
    NOISE_AT_EDGE,
    NOISE_FROM_DEPTH,
    NOISE_REACH_MM,
    OUTSIDE_HU,
    POCKET_DEPTH,
    POCKETS_BELOW,
    Acquisition,
    PartIntensities,
)
from flarecli.phantom.drawing.canvas import MAX_PARTS
from flarecli.training.samples.rendering.appearance import ScanAppearance
from flarecli.training.samples.rendering.fields import blurred, grainy_noise, per_sample, smooth_field

if TYPE_CHECKING:
    import torch

_SPLINE_SIGMA = 3**-0.5
"""Standard deviation of a cubic B-spline, in steps of its lattice."""


def rendered(
    parts: torch.Tensor, appearances: Sequence[ScanAppearance], spacing_mm: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scans of patients.

    Args:
        parts: Maps of parts, uint8, (samples, z, y, x), of cubic voxels.
        appearances: Intensities and acquisition of each.
        spacing_mm: Size of a voxel.
        generator: Random numbers, on the device of `parts`.

    Returns:
        HU, float32, of the shape of `parts`; and a boolean tensor that tells what lies inside the field of view.
    """
    import torch

    acquisitions = [appearance.acquisition for appearance in appearances]
    hu = _tissue_hu(parts, [appearance.intensities for appearance in appearances], spacing_mm, generator)
    hu = blurred(hu, np.array([a.blur_mm for a in acquisitions]) / spacing_mm)
    hu += _noise(hu, acquisitions, spacing_mm, generator)
    hu += per_sample([a.offset_hu for a in acquisitions], hu.device)
    seen = _visible(hu, acquisitions, spacing_mm)
    return torch.where(seen, hu, float(OUTSIDE_HU)).clamp_(*HU_RANGE), seen


def _tissue_hu(
    parts: torch.Tensor, intensities: Sequence[PartIntensities], spacing_mm: float, generator: torch.Generator
) -> torch.Tensor:
    """Intensities without blur and noise; as `flarecli.phantom.acquisition.tissue_hu`."""
    import torch

    shape = tuple(parts.shape)
    first = torch.arange(0, len(parts) * MAX_PARTS, MAX_PARTS, device=parts.device, dtype=torch.int32)
    rows = parts.int() + first[:, None, None, None]

    def looked_up(name: str) -> torch.Tensor:
        table = np.concatenate([getattr(of_sample, name) for of_sample in intensities])
        return torch.nn.functional.embedding(rows, torch.as_tensor(table[:, None], device=parts.device))[..., 0]

    fine, coarse = (
        smooth_field(shape, (_SPLINE_SIGMA * step_mm / spacing_mm,) * 3, generator)
        for step_mm in (FINE_STEP_MM, COARSE_STEP_MM)
    )
    hu = looked_up("mean_hu")
    hu.addcmul_(looked_up("fine_hu"), fine)
    hu.addcmul_(looked_up("coarse_hu"), coarse)
    return hu.addcmul_(looked_up("mottled_hu"), torch.where(fine < POCKETS_BELOW, POCKET_DEPTH, MOTTLING * fine))


def _noise(
    hu: torch.Tensor, acquisitions: Sequence[Acquisition], spacing_mm: float, generator: torch.Generator
) -> torch.Tensor:
    """Noise that is stronger in the middle of the body, of the shape of `hu`."""
    import torch

    y_mm, x_mm = _distances_mm(hu, spacing_mm)
    depth = torch.exp(-((y_mm / NOISE_REACH_MM[0]) ** 2 + (x_mm / NOISE_REACH_MM[1]) ** 2))
    level = (NOISE_AT_EDGE + NOISE_FROM_DEPTH * depth) * per_sample([a.noise_hu for a in acquisitions], hu.device)
    grain = np.array([[a.noise_grain_mm / spacing_mm] * 2 for a in acquisitions])
    return grainy_noise(tuple(hu.shape), np.where(grain > LEAST_GRAIN, grain, 0.0), generator).mul_(level)


def _visible(hu: torch.Tensor, acquisitions: Sequence[Acquisition], spacing_mm: float) -> torch.Tensor:
    """Boolean, to go with `hu`: what lies inside the field of view."""
    import torch

    count = hu.shape[1]
    start, stop = (per_sample([round(a.cut_z[end] * count) for a in acquisitions], hu.device) for end in range(2))
    radius_mm = per_sample([np.inf if a.circle_mm is None else a.circle_mm for a in acquisitions], hu.device)
    slices = torch.arange(count, device=hu.device)[:, None, None]
    return (slices >= start) & (slices < stop) & (torch.hypot(*_distances_mm(hu, spacing_mm)) <= radius_mm)


def _distances_mm(hu: torch.Tensor, spacing_mm: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances from the middle along y and x, shapes (y, 1) and (1, x)."""
    import torch

    y_mm, x_mm = ((torch.arange(size, device=hu.device) - (size - 1) / 2) * spacing_mm for size in hu.shape[2:])
    return y_mm[:, None], x_mm[None]
