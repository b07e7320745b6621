"""A picture of phantoms: one row each, with the organs' contours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flarecli.geometry import content_window
from flarecli.phantom.case import Phantom
from flarecli.preview.slice_grid import GridSlice, write_slice_grid

_WINDOW_HU = (-160, 240)
"""The usual abdominal window."""

_AXIAL_LEVELS = (0.25, 0.5, 0.75)


def write_contact_sheet(path: Path, phantoms: list[Phantom], *, replaces: bool = True) -> None:
    """Draw three axial, a coronal and a sagittal slice of each phantom into one PNG file.

    Slices are shown as radiologists look at them: the patient's right on the left, the front up.

    Args:
        path: The file.
        phantoms: At least one.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: when it cannot be written, or exists and is not replaced.
    """
    write_slice_grid(path, [_slices(phantom) for phantom in phantoms], replaces=replaces)


def _slices(phantom: Phantom) -> list[GridSlice]:
    z_mm, y_mm, x_mm = phantom.spacing_mm
    first, last = zip(*[(part.start, part.stop - 1) for part in content_window(phantom.labels)], strict=True)
    middle = [(a + b) // 2 for a, b in zip(first, last, strict=True)]
    left_kidney_side = int(first[2] + 0.3 * (last[2] - first[2]))
    levels = [int(first[0] + level * (last[0] - first[0])) for level in _AXIAL_LEVELS]
    views: list[tuple[tuple[int | slice, ...], float]] = [
        *((np.s_[z, ::-1, ::-1], y_mm / x_mm) for z in levels),
        (np.s_[::-1, middle[1], ::-1], z_mm / x_mm),
        (np.s_[::-1, ::-1, left_kidney_side], z_mm / y_mm),
    ]
    return [GridSlice(phantom.voxels[view], phantom.labels[view], _WINDOW_HU, aspect) for view, aspect in views]
