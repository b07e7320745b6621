"""Gantry tilt correction: slices shifted against each other within their plane are resampled by a shear.

Each slice keeps its plane; it is resampled linearly along its columns and rows onto an orthogonal grid. Voxels that no
slice covers are filled with air.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flarecli.errors import InputError
from flarecli.files.sources import check_memory

LEAST_DEG = 1.0
"""Smaller tilts are kept in the affine, which represents them exactly."""

LIMIT_DEG = 30.0
"""The largest tilt of a CT gantry."""

_AIR_HU = -1024
_ROUNDING_DEG = 0.05  # of positions and directions in the headers


@dataclass(frozen=True)
class Tilt:
    """How slices are shifted within their plane.

    Attributes:
        angle_deg: Between the line through the slices and the normal of their plane.
        per_slice: Shift from each slice to the next, in rows and in columns (voxels).
        shape: Rows and columns of the rectangular grid that holds all slices.
        origin: Index (row, column) of that grid's first voxel in the first slice; 0 or less.
    """

    angle_deg: float
    per_slice: tuple[float, float]
    shape: tuple[int, int]
    origin: tuple[int, int]


def tilt_of(
    step_lps: np.ndarray,
    row_lps: np.ndarray,
    column_lps: np.ndarray,
    spacing_mm: tuple[float, float],
    shape: tuple[int, int, int],
) -> Tilt | None:
    """The tilt of a stack; None where there is none, or at most `LEAST_DEG`.

    Args:
        step_lps: From each slice to the next, mm.
        row_lps: Unit vector along which the column index grows.
        column_lps: Unit vector along which the row index grows.
        spacing_mm: Distance of rows, distance of columns.
        shape: Slices, rows, columns.
    """
    normal = np.cross(row_lps, column_lps)
    cosine = float(step_lps @ normal / np.linalg.norm(step_lps))
    angle = math.degrees(math.acos(min(1.0, abs(cosine))))
    if angle <= LEAST_DEG:
        return None
    per_row, per_column = float(step_lps @ column_lps) / spacing_mm[0], float(step_lps @ row_lps) / spacing_mm[1]
    spans = [shift * (shape[0] - 1) for shift in (per_row, per_column)]
    sizes = [size + math.ceil(round(abs(span), 6)) for size, span in zip(shape[1:], spans, strict=True)]
    starts = [min(0, math.floor(round(span, 6))) for span in spans]
    return Tilt(angle, (per_row, per_column), (sizes[0], sizes[1]), (starts[0], starts[1]))


def check_tilt(tilt: Tilt, path: Path) -> None:
    """Refuse a larger shift than a gantry tilt causes.

    Raises:
        InputError: above 30°.
    """
    if tilt.angle_deg > LIMIT_DEG + _ROUNDING_DEG:
        raise InputError(
            "the slices are shifted against each other by more than a gantry tilt causes",
            path=path,
            seen=f"{tilt.angle_deg:.1f}° between the line through the slices and their normal",
            expected=f"at most {LIMIT_DEG:g}°",
            remedy="Give an axial reconstruction, or resample the scan to a rectangular grid.",
        )


def tilt_corrected(voxels: np.ndarray, tilt: Tilt, path: Path) -> np.ndarray:
    """Resample slices onto the rectangular grid of a tilt.

    Args:
        voxels: int16 HU, shape (slices, rows, columns).
        tilt: Of these slices.
        path: The folder, for messages.

    Returns:
        int16 HU, shape (slices, *tilt.shape); -1024 where there is no slice.

    Raises:
        InputError: when memory does not suffice.
    """
    shape = (len(voxels), *tilt.shape)
    check_memory(2 * np.prod(shape, dtype=float), path, f"{shape[2]} × {shape[1]} × {shape[0]} voxels without tilt")
    straight = np.empty(shape, np.int16)
    for k, (source, target) in enumerate(zip(voxels, straight, strict=True)):
        along_rows = _shifted(source, k * tilt.per_slice[0] - tilt.origin[0], tilt.shape[0])
        along_both = _shifted(along_rows.T, k * tilt.per_slice[1] - tilt.origin[1], tilt.shape[1]).T
        target[...] = np.rint(along_both)
    return straight


def _shifted(plane: np.ndarray, shift: float, size: int) -> np.ndarray:
    """A plane shifted along its first axis by a number of voxels, float32, shape (size, columns); air outside it."""
    shift = round(shift, 6)
    whole = math.floor(shift)
    part = np.float32(shift - whole)
    moved = np.full((size, plane.shape[1]), _AIR_HU, np.float32)
    if part == 0:
        moved[whole : whole + len(plane)] = plane
        return moved
    padded = np.full((len(plane) + 2, plane.shape[1]), _AIR_HU, np.float32)
    padded[1:-1] = plane
    mixed = padded[1:] * (1 - part) + padded[:-1] * part
    end = min(size, whole + len(mixed))
    moved[whole:end] = mixed[: end - whole]
    return moved
