"""Augmentation of whole real scans in the starter recipes of the papers' systems."""

from __future__ import annotations

from flarecli.training.samples.variation.settings import VariationSettings

STARTER_VARIATION = VariationSettings(
    deformed_share=0.6,
    unenhanced_share=0.2,
    weaker_share=0.15,
    arterial_share=0.05,
    restored_air_share=0.8,
    blurred_share=0.2,
)
"""Most clipped scans get their air back: these networks scale by a fixed range, or by the deviation of the
scan or slice, which a clipped background changes."""
