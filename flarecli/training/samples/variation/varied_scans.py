"""Scans of a source, each augmented before samples are cut from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from flarecli.organs import ORGANS
from flarecli.training.randomness import Purpose, generator
from flarecli.training.samples.scan_source import ScanSource
from flarecli.training.samples.variation.clipped import floor_of, with_air
from flarecli.training.samples.variation.contrast import ContrastChange, is_enhanced, with_contrast
from flarecli.training.samples.variation.deformation import deformed
from flarecli.training.samples.variation.settings import VariationSettings
from flarecli.training.views.scan import LabelledScan

_HIGHEST_BONE_HU = 400.0
_FWHM = 2.355
"""Full width at half maximum of a Gaussian, in standard deviations."""

_LIMITS_HU = (-1024.0, 3071.0)


@dataclass(frozen=True)
class VariedScans:
    """Augmented scans of a source; the n-th one is the same in every process.

    Attributes:
        source: int16 HU scans with FLARE labels.
        settings: Their augmentation.
        seed: Seed of the run.
    """

    source: ScanSource
    settings: VariationSettings
    seed: int

    def scan(self, number: int) -> LabelledScan:
        """The scan of that number."""
        scan = self.source.scan(number)
        settings = self.settings
        if not settings.changes_anything:
            return scan
        rng = generator(self.seed, Purpose.VARIATION, number)
        if rng.random() < settings.deformed_share:
            scan = deformed(scan, settings.spatial, rng)
        hu = scan.image
        change = drawn_contrast(settings, rng)
        if change is not None and is_enhanced(hu, scan.labels):
            hu = with_contrast(hu, scan.labels, scan.spacing_mm, change)
        if rng.random() < settings.restored_air_share and floor_of(scan.image) is not None:
            # Air is detected in the original intensities.
            hu = hu + (with_air(scan.image, rng.uniform(0, _HIGHEST_BONE_HU)) - scan.image)
        if rng.random() < settings.blurred_share:
            hu = _blurred(hu, scan.spacing_mm, settings, rng)
        image = np.rint(np.clip(hu, *_LIMITS_HU)).astype(scan.image.dtype)
        return replace(scan, image=image)


def drawn_contrast(settings: VariationSettings, rng: np.random.Generator) -> ContrastChange | None:
    """Draw the change of the contrast enhancement of a scan; None for no change."""
    kind = rng.random()
    offset = {organ.name: float(rng.normal(0, settings.offset_hu)) for organ in ORGANS}
    if kind < settings.unenhanced_share:
        left = float(rng.uniform(-0.05, 0.2))
        return ContrastChange(dict.fromkeys([*offset, "vessels"], left), offset)
    kind -= settings.unenhanced_share
    if kind < settings.weaker_share:
        left = float(rng.uniform(0.2, 1.0))
        return ContrastChange(dict.fromkeys([*offset, "vessels"], left), offset)
    kind -= settings.weaker_share
    if kind < settings.arterial_share:
        ranges = {
            "liver": (0.2, 0.7),
            "kidneys": (0.9, 1.4),
            "spleen": (1.0, 1.6),
            "pancreas": (1.0, 1.6),
            "vessels": (0.7, 1.5),
        }
        return ContrastChange({name: float(rng.uniform(*limits)) for name, limits in ranges.items()}, offset)
    return None


def _blurred(
    hu: np.ndarray, spacing_mm: tuple[float, float, float], settings: VariationSettings, rng: np.random.Generator
) -> np.ndarray:
    """Thicker slices, a softer kernel, and noise."""
    slice_mm, in_plane_mm = rng.uniform(0, settings.slice_mm), rng.uniform(0, settings.blur_mm)
    sigma = [mm / step for mm, step in zip((slice_mm / _FWHM, in_plane_mm, in_plane_mm), spacing_mm, strict=True)]
    noise_hu = rng.uniform(0, settings.noise_hu)
    noise = rng.standard_normal(hu.shape, dtype=np.float32)
    blurred: np.ndarray = ndimage.gaussian_filter(hu.astype(np.float32), sigma) + np.float32(noise_hu) * noise
    return blurred
