"""Atrophy of an organ by age and inflammation: diffuse, and focal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flarecli.phantom.options import PhantomOptions

_MOST_EVERYWHERE_MM = 3.5
"""Largest diffuse atrophy of a pancreas: about half of its usual thickness of 15 to 20 mm from both sides."""

_MOST_PLACES = 2
_PLACE_REACH_MM = (10.0, 35.0)
_PLACE_DEPTH_MM = (2.0, 10.0)
"""From a notch to a neck, tail or head of which nothing but fat is left."""


@dataclass(frozen=True)
class Atrophy:
    """Atrophy of one organ, as a reduction of its depth.

    Attributes:
        everywhere_mm: Diffuse atrophy, on its whole surface.
        places_mm: Centres of focal atrophy, float array `(n, 3)`, z, y, x.
        reach_mm: Extent of each focus (standard deviation), `(n,)`.
        depth_mm: Additional atrophy at each centre, `(n,)`.
    """

    everywhere_mm: float
    places_mm: np.ndarray
    reach_mm: np.ndarray
    depth_mm: np.ndarray

    def taken_mm(self, position_mm: Sequence[np.ndarray]) -> np.ndarray:
        """Atrophy at positions (z, y, x), three float32 arrays of one shape; float32 of that shape."""
        taken = np.full(np.shape(position_mm[0]), self.everywhere_mm, np.float32)
        for place, reach, depth in zip(self.places_mm, self.reach_mm, self.depth_mm, strict=True):
            apart = sum((along - np.float32(middle)) ** 2 for along, middle in zip(position_mm, place, strict=True))
            taken += np.float32(depth) * np.exp(apart * np.float32(-0.5 / reach**2))
        return taken


def draw_atrophy(rng: np.random.Generator, inside_mm: np.ndarray, options: PhantomOptions) -> Atrophy | None:
    """Draw the atrophy of a pancreas: diffuse, focal, or both; None for none.

    Args:
        rng: Random numbers.
        inside_mm: Points of the organ, float array `(n, 3)`, z, y, x; the foci are among them.
        options: Probabilities.
    """
    everywhere_mm = rng.uniform(0.5, _MOST_EVERYWHERE_MM) if rng.random() < options.shrunken_pancreas else 0.0
    count = int(rng.integers(1, _MOST_PLACES + 1)) if rng.random() < options.patchy_pancreas else 0
    if not everywhere_mm and not count:
        return None
    return Atrophy(
        everywhere_mm,
        inside_mm[rng.integers(len(inside_mm), size=count)],
        rng.uniform(*_PLACE_REACH_MM, count),
        rng.uniform(*_PLACE_DEPTH_MM, count),
    )
