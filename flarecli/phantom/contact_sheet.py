"""A picture of phantoms: one row each, with the organs' contours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flarecli.atomic import atomic_path
from flarecli.organs import ORGANS
from flarecli.phantom.case import Phantom

_WINDOW_HU = (-160, 240)
"""The usual abdominal window."""

_AXIAL_LEVELS = (0.25, 0.5, 0.75)


def write_contact_sheet(path: Path, phantoms: list[Phantom]) -> None:
    """Draw three axial, a coronal and a sagittal slice of each phantom into one PNG file.

    Slices are shown as radiologists look at them: the patient's right on the left, the front up.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = len(_AXIAL_LEVELS) + 2
    figure = Figure(figsize=(2.6 * columns, 2.2 * len(phantoms)), facecolor="black")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(phantoms), columns, squeeze=False)
    figure.subplots_adjust(0, 0, 1, 1, 0.01, 0.01)
    for row, phantom in zip(axes, phantoms, strict=True):
        for axis, (image, labels, aspect) in zip(row, _slices(phantom), strict=True):
            axis.set_axis_off()
            axis.imshow(image, cmap="gray", vmin=_WINDOW_HU[0], vmax=_WINDOW_HU[1], aspect=aspect)
            for organ in ORGANS:
                mask = labels == organ.label
                if mask.any() and not mask.all():
                    axis.contour(mask, [0.5], colors=[tuple(c / 255 for c in organ.colour)], linewidths=0.7)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=80, format="png", facecolor="black")


def _slices(phantom: Phantom) -> list[tuple[np.ndarray, np.ndarray, float]]:
    z_mm, y_mm, x_mm = phantom.spacing_mm
    spans = [np.flatnonzero(phantom.labels.any(tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    first, last = zip(
        *[(s[0], s[-1]) if len(s) else (0, n - 1) for s, n in zip(spans, phantom.labels.shape, strict=True)],
        strict=True,
    )
    middle = [(a + b) // 2 for a, b in zip(first, last, strict=True)]
    left_kidney_side = int(first[2] + 0.3 * (last[2] - first[2]))
    levels = [int(first[0] + level * (last[0] - first[0])) for level in _AXIAL_LEVELS]
    views: list[tuple[tuple[int | slice, ...], float]] = [
        *((np.s_[z, ::-1, ::-1], y_mm / x_mm) for z in levels),
        (np.s_[::-1, middle[1], ::-1], z_mm / x_mm),
        (np.s_[::-1, ::-1, left_kidney_side], z_mm / y_mm),
    ]
    return [(phantom.voxels[view], phantom.labels[view], aspect) for view, aspect in views]
