"""Screenshots compared with stored ones for gross changes: of layout, of a view that is missing; other fonts are none.

A new reference: reduce the screenshot that a failure names to 640 pixels of width, and put it in the old one's place.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

_COARSE = (64, 45)
_GROSS = 12.0
"""Mean difference of grey values, 0 to 255, between coarse pictures."""


def gross_difference(seen: Path, reference: Path) -> float:
    """How far a screenshot is from its reference; 1 and more is a gross change."""
    one, other = (_coarse(path) for path in (seen, reference))
    return float(np.abs(one - other).mean()) / _GROSS


def _coarse(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L").resize(_COARSE, Image.Resampling.BOX), np.float32)
