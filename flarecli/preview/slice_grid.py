"""A picture of many slices in rows and columns, each with the outlines of its organs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flarecli.files.atomic import atomic_path
from flarecli.matplotlib_import import prepare_matplotlib
from flarecli.organs import ORGANS

_CELL_INCHES = (2.5, 2.2)


@dataclass(frozen=True)
class SheetSlice:
    """One slice of a sheet, as it is to be seen: first axis downwards, second to the right.

    Attributes:
        image: Grey values, two-dimensional.
        labels: FLARE label values, of the same shape.
        limits: What is black and what is white.
        aspect: Height of a pixel over its width.
    """

    image: np.ndarray
    labels: np.ndarray
    limits: tuple[float, float]
    aspect: float = 1.0


def draw_contour_sheet(path: Path, rows: Sequence[Sequence[SheetSlice]]) -> None:
    """Draw rows of equally many slices into a PNG file, whole or not at all."""
    prepare_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = len(rows[0])
    figure = Figure(figsize=(_CELL_INCHES[0] * columns, _CELL_INCHES[1] * len(rows)), facecolor="black")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    figure.subplots_adjust(0, 0, 1, 1, 0.01, 0.01)
    for row, slices in zip(axes, rows, strict=True):
        for axis, shown in zip(row, slices, strict=True):
            axis.set_axis_off()
            axis.imshow(shown.image, cmap="gray", vmin=shown.limits[0], vmax=shown.limits[1], aspect=shown.aspect)
            for organ in ORGANS:
                mask = shown.labels == organ.label
                if mask.any() and not mask.all():
                    axis.contour(mask, [0.5], colors=[tuple(c / 255 for c in organ.colour)], linewidths=0.7)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=80, format="png", facecolor="black")
