"""Bounded random numbers."""

from __future__ import annotations

import numpy as np

_BOUND = 2.0


def bounded_normal(
    rng: np.random.Generator,
    deviation: float | tuple[float, ...] | np.ndarray,
    shape: int | tuple[int, ...] | None = None,
) -> np.ndarray:
    """Normal draws of mean 0, clipped at twice their standard deviation, so that draws are compatible."""
    scale = np.asarray(deviation, float)
    size = scale.shape if shape is None else shape
    return scale * np.clip(rng.standard_normal(size), -_BOUND, _BOUND)


def spread_uniform(rng: np.random.Generator, low: float, high: float, spread: float, least: float = 0.0) -> float:
    """A uniform draw from a range widened about its middle by `spread`, never below `least`; 1 leaves it as it is."""
    if spread != 1:
        middle, half = (low + high) / 2, (high - low) / 2
        low, high = max(middle - spread * half, least), middle + spread * half
    return float(rng.uniform(low, high))


def drawn_factor(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """A number between two limits; takes no random number where they are equal."""
    low, high = limits
    return low if low == high else float(rng.uniform(low, high))
