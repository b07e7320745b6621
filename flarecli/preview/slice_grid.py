"""A picture of many slices in rows and columns, each with the contours of its organs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from flarecli.files.atomic import atomic_path
from flarecli.preview.slice_picture import draw_slice

_CELL_PX = (240, 210)
_GAP_PX = 2


@dataclass(frozen=True)
class GridSlice:
    """One slice of a grid in display orientation: first axis downwards, second to the right.

    Attributes:
        image: Grey values, two-dimensional.
        labels: FLARE label values, of the same shape.
        limits: The values that are black and white.
        aspect: Height of a pixel over its width.
    """

    image: np.ndarray
    labels: np.ndarray
    limits: tuple[float, float]
    aspect: float = 1.0

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of its picture, as large as its cell allows."""
        height, width = self.image.shape[0] * self.aspect, self.image.shape[1]
        scale = min(_CELL_PX[0] / width, _CELL_PX[1] / height)
        return max(2, round(width * scale)), max(2, round(height * scale))


def write_slice_grid(path: Path, rows: Sequence[Sequence[GridSlice]], *, replaces: bool = True) -> None:
    """Draw rows of slices into a PNG file, whole or not at all.

    Args:
        path: The file.
        rows: The slices.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: when it cannot be written, or exists and is not replaced.
    """
    width, height = (size + _GAP_PX for size in _CELL_PX)
    sheet = Image.new("RGB", (width * max(map(len, rows)) - _GAP_PX, height * len(rows) - _GAP_PX))
    for row, slices in enumerate(rows):
        for column, shown in enumerate(slices):
            picture = draw_slice(shown.image, shown.labels, shown.size_px, shown.limits)
            left = column * width + (_CELL_PX[0] - picture.width) // 2
            sheet.paste(picture, (left, row * height + (_CELL_PX[1] - picture.height) // 2))
    with atomic_path(path, replaces=replaces) as temporary:
        sheet.save(temporary, format="PNG")
