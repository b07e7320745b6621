"""Random numbers without outliers."""

from __future__ import annotations

import numpy as np

_BOUND = 2.0


def bounded_normal(
    rng: np.random.Generator,
    deviation: float | tuple[float, ...] | np.ndarray,
    shape: int | tuple[int, ...] | None = None,
) -> np.ndarray:
    """Normal draws about 0, cut off at twice their deviation: outliers would not fit together."""
    scale = np.asarray(deviation, float)
    size = scale.shape if shape is None else shape
    return scale * np.clip(rng.standard_normal(size), -_BOUND, _BOUND)
