"""Patients painted on a device: a drawn patient gives many different scans there, in no time.

Drawing a patient takes a processor core a second; what `flarecli.phantom.acquisition` then does to its intensities is
done here for a whole batch at a time, by the same rules, with PyTorch. The fields of texture are Gaussian instead of
splines of the same width.
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
)
from flarecli.phantom.canvas import MAX_PARTS
from flarecli.training.painting.exposure import Exposure
from flarecli.training.painting.fields import blurred, grainy_noise, per_sample, smooth_field

if TYPE_CHECKING:
    import torch

_SPLINE_SIGMA = 3**-0.5
"""Standard deviation of a cubic B-spline, in steps of its lattice."""


def painted(
    parts: torch.Tensor, exposures: Sequence[Exposure], spacing_mm: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scans of patients.

    Args:
        parts: Maps of parts, uint8, (samples, z, y, x), of cubic voxels.
        exposures: How each is to look.
        spacing_mm: Size of a voxel.
        generator: Random numbers, on the device of `parts`.

    Returns:
        HU, float32, of the shape of `parts`; and a boolean tensor that tells what lies inside the field of view.
    """
    import torch

    device = parts.device
    count, shape = len(parts), tuple(parts.shape)
    tables = torch.as_tensor(
        np.stack(
            [
                np.concatenate([getattr(exposure.intensities, name) for exposure in exposures])
                for name in ("mean_hu", "fine_hu", "coarse_hu", "mottled_hu")
            ],
            axis=1,
        ),
        device=device,
    )
    first = torch.arange(0, count * MAX_PARTS, MAX_PARTS, device=device, dtype=torch.int32)
    index = parts.int() + first[:, None, None, None]
    mean, fine_hu, coarse_hu, mottled_hu = (
        torch.nn.functional.embedding(index, tables[:, k : k + 1])[..., 0] for k in range(4)
    )
    fine = smooth_field(shape, (_SPLINE_SIGMA * FINE_STEP_MM / spacing_mm,) * 3, generator)
    hu = mean.addcmul_(fine_hu, fine)
    hu.addcmul_(coarse_hu, smooth_field(shape, (_SPLINE_SIGMA * COARSE_STEP_MM / spacing_mm,) * 3, generator))
    hu.addcmul_(mottled_hu, torch.where(fine < POCKETS_BELOW, POCKET_DEPTH, MOTTLING * fine))
    del fine, fine_hu, coarse_hu, mottled_hu

    acquisitions = [exposure.acquisition for exposure in exposures]
    hu = blurred(hu, np.array([a.blur_mm for a in acquisitions]) / spacing_mm)
    grain = np.array([[a.noise_grain_mm / spacing_mm] * 2 for a in acquisitions])
    noise = grainy_noise(shape, np.where(grain > LEAST_GRAIN, grain, 0.0), generator)
    z, y, x = (torch.arange(n, device=device) for n in shape[1:])
    y_mm, x_mm = ((k - (len(k) - 1) / 2) * spacing_mm for k in (y, x))
    depth = torch.exp(-((y_mm / NOISE_REACH_MM[0])[:, None] ** 2 + (x_mm / NOISE_REACH_MM[1])[None] ** 2))
    level = NOISE_AT_EDGE + NOISE_FROM_DEPTH * depth
    hu.addcmul_(noise, level * per_sample([a.noise_hu for a in acquisitions], device))
    hu += per_sample([a.offset_hu for a in acquisitions], device)

    ends = [[round(share * shape[1]) for share in a.cut_z] for a in acquisitions]
    start, stop = (per_sample([pair[k] for pair in ends], device) for k in range(2))
    radius = per_sample([np.inf if a.circle_mm is None else a.circle_mm for a in acquisitions], device)
    slices = z[:, None, None]
    seen = (slices >= start) & (slices < stop) & (torch.hypot(y_mm[:, None], x_mm[None]) <= radius)
    hu = torch.where(seen, hu, float(OUTSIDE_HU)).clamp_(*HU_RANGE)
    return hu, seen
