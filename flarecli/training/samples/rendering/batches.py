"""From patients to inputs of the network, rendered on the training device; for PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.resample import area_matrix
from flarecli.training.randomness import Purpose, derived_seed, generator
from flarecli.training.recipe import FirstStageSettings, Recipe
from flarecli.training.samples.rendering.fields import per_sample
from flarecli.training.samples.rendering.patients import PatientSample
from flarecli.training.samples.rendering.pose import posed
from flarecli.training.samples.rendering.renderer import rendered
from flarecli.training.views import CropView, FirstStageGrid
from flarecli.training.views.crop import AIR_HU, FirstStageChange

if TYPE_CHECKING:
    import keras
    import torch

_FIRST_STAGE_SCANS = 4
"""Batch size of the first stage."""


def rendered_batches(
    recipe: Recipe, seed: int, device: str, first_stage: keras.Model | None = None
) -> RenderedBatchBuilder:
    """The builder for the samples of a recipe that `check_recipe` has accepted.

    Raises:
        ValueError: when its view does not cut crops.
    """
    if not isinstance(recipe.view, CropView):
        raise ValueError(f"view (={recipe.view}) must be a CropView")
    spacing_mm = recipe.synthesis.spacing_mm[0]
    return RenderedBatchBuilder(recipe.view, spacing_mm, seed, device, first_stage, recipe.first_stage)


class RenderedBatchBuilder:
    """Builds inputs and targets as `BatchBuilder` does, channels first.

    Args:
        view: How samples are cut from scans.
        spacing_mm: Voxel size of the patients' grids.
        seed: Seed of the run.
        device: Where to, as PyTorch names it.
        first_stage: Network whose class scores become further channels of the input.
        settings: Which of its scores are input.
    """

    def __init__(
        self,
        view: CropView,
        spacing_mm: float,
        seed: int,
        device: str,
        first_stage: keras.Model | None = None,
        settings: FirstStageSettings | None = None,
    ) -> None:
        self._view = view
        self._spacing_mm = spacing_mm
        self._seed = seed
        self._device = device
        self._first_stage = first_stage
        self._settings = settings or FirstStageSettings("")

    def batch(self, samples: Sequence[PatientSample]) -> tuple[torch.Tensor, torch.Tensor]:
        """Float32 inputs and uint8 label values, (samples, channels, z, y, x)."""
        import torch

        with torch.no_grad():
            return self._batch(samples)

    def _batch(self, samples: Sequence[PatientSample]) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        noise = torch.Generator(self._device).manual_seed(derived_seed(self._seed, Purpose.RENDER, samples[0].number))
        parts = torch.stack([torch.as_tensor(sample.parts) for sample in samples]).to(self._device)
        parts = posed(parts, np.stack([sample.pose for sample in samples]))
        hu, seen = rendered(parts, [sample.appearance for sample in samples], self._spacing_mm, noise)
        values = torch.stack(
            [torch.as_tensor(s.values, device=self._device)[p.int()] for s, p in zip(samples, parts, strict=True)]
        )
        values *= seen
        rngs = [generator(self._seed, Purpose.RENDER, sample.number) for sample in samples]
        images = self._images(hu, samples, rngs)
        channels = [images]
        if self._first_stage is not None and self._view.first_stage is not None:
            scores = self._first_stage_scores(hu, self._view.first_stage, rngs, noise)
            channels.append(_cut(scores, samples, 0.0))
        return torch.cat(channels, dim=1), _cut(values[:, None], samples, 0)

    def _images(
        self, hu: torch.Tensor, samples: Sequence[PatientSample], rngs: Sequence[np.random.Generator]
    ) -> torch.Tensor:
        intensity = self._view.intensity
        changes = [intensity.drawn(rng) for rng in rngs]
        shift, factor = (
            per_sample([getattr(change, name) for change in changes], self._device)[:, None]
            for name in ("shift", "factor")
        )
        images = (_cut(hu[:, None], samples, float(AIR_HU)) - intensity.offset_hu) / intensity.scale_hu
        return ((images + shift) * factor).clamp_(*intensity.limits)

    def _first_stage_scores(
        self, hu: torch.Tensor, grid: FirstStageGrid, rngs: Sequence[np.random.Generator], noise: torch.Generator
    ) -> torch.Tensor:
        """Scores of the whole scans on their own grid, (samples, classes, z, y, x)."""
        import torch

        coarse = _averaged(hu, grid.shape_of(hu.shape[1:], (self._spacing_mm,) * 3))
        changes = [grid.drawn(rng) for rng in rngs]
        coarse = _changed(coarse, changes, noise)
        low, high = grid.intensity.limits
        images = ((coarse - grid.intensity.offset_hu) / grid.intensity.scale_hu).clamp_(low, high)
        z, y, x = coarse.shape[1:]
        ends = [end for size in (x, y, z) for end in (0, -size % grid.multiple)]
        images = torch.nn.functional.pad(images, ends, value=low)[:, None]
        network: Any = self._first_stage
        scores = torch.cat([network(part, training=False).float() for part in images.split(_FIRST_STAGE_SCANS)])
        scores = scores[:, :, :z, :y, :x]
        if not self._settings.with_background:
            scores = scores[:, 1:].clone()
        for sample, rng in enumerate(rngs):
            if rng.random() < self._settings.lost_share:
                scores[sample, int(rng.integers(scores.shape[1]))] = 0
        return torch.nn.functional.interpolate(scores, hu.shape[1:], mode="trilinear", align_corners=False)


def _averaged(hu: torch.Tensor, shape_zyx: Sequence[int]) -> torch.Tensor:
    """Scans (samples, z, y, x) on coarser grids of the same extents: means over the new voxels."""
    import torch

    matrices = [
        torch.as_tensor(area_matrix(n, size), dtype=hu.dtype, device=hu.device)
        for n, size in zip(hu.shape[1:], shape_zyx, strict=True)
    ]
    return torch.einsum("szyx,kz,jy,ix->skji", hu, *matrices)


def _changed(hu: torch.Tensor, changes: Sequence[FirstStageChange], noise: torch.Generator) -> torch.Tensor:
    import torch

    offset, factor, level = (
        per_sample([getattr(change, name) for change in changes], hu.device)
        for name in ("offset_hu", "factor", "noise_hu")
    )
    return (hu + offset) * factor + level * torch.randn(hu.shape, generator=noise, device=hu.device)


def _cut(scans: torch.Tensor, samples: Sequence[PatientSample], fill: float) -> torch.Tensor:
    """The windows of the samples, filled where they leave their scans; (samples, channels, z, y, x)."""
    import torch

    windows = torch.full(
        (len(samples), scans.shape[1], *samples[0].shape_zyx), fill, dtype=scans.dtype, device=scans.device
    )
    for window, scan, sample in zip(windows, scans, samples, strict=True):
        source, target = [slice(None)], [slice(None)]
        for first, size, whole in zip(sample.start_zyx, sample.shape_zyx, scan.shape[1:], strict=True):
            inside = slice(max(first, 0), max(min(first + size, whole), 0))
            source.append(inside)
            target.append(slice(inside.start - first, inside.stop - first))
        window[tuple(target)] = scan[tuple(source)]
    return windows
