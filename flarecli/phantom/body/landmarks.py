"""Anatomical landmarks of a patient, measured from the organs, around which the surroundings are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from flarecli.geometry import bounding_window
from flarecli.phantom.drawing.canvas import Canvas
from flarecli.phantom.drawing.lattice import SampleGrid
from flarecli.phantom.organs.anatomy import Anatomy

OVERVIEW_STEP_MM = 8.0
_OVERVIEW_HALF_MM = (232.0, 176.0, 216.0)
_ANGLES = 48
_SMALLEST_ORGAN_ML = 15.0
_KIDNEY_BEFORE_SPINE_MM = 9.0
"""Distance from the centre of the vertebral bodies forwards to the centre of the kidneys."""


@dataclass(frozen=True)
class Place:
    """Position of one organ, mm, (z, y, x).

    Attributes:
        centre: Centre of mass.
        low: Lower corner of its bounding box.
        high: Upper corner of its bounding box.
    """

    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Landmarks:
    """Landmarks for drawing the surroundings; positions in mm in the patient's frame.

    Attributes:
        places: Organs present: "liver", "right_kidney", "left_kidney", "spleen", "pancreas".
        midline_x: Position of the spine.
        spine_y: Centre of the vertebral bodies.
        centre_y: Centre of the trunk.
        half_width: Half the width of the abdominal cavity.
        half_depth: Half its depth.
        wall_radius: Float32 array `(levels, angles)`: distance from the trunk's axis to the inside of the
            abdominal wall; angles are sectors of `atan2(y, x)` from -pi to pi.
        wall_z: Positions of the levels.
        dome_z: Float32 array `(y, x)` on the overview grid: height of the diaphragm.
        dome_y: Positions along y.
        dome_x: Positions along x.
        gallbladder: Point below the liver, anterior to the centre of its right lobe; None without a liver.
        pancreas_points: Float array `(n, 3)` of the overview grid's points inside the pancreas.
        top_z: Highest point of the organs.
        bottom_z: Lowest point of the organs.
    """

    places: dict[str, Place]
    midline_x: float
    spine_y: float
    centre_y: float
    half_width: float
    half_depth: float
    wall_radius: np.ndarray
    wall_z: np.ndarray
    dome_z: np.ndarray
    dome_y: np.ndarray
    dome_x: np.ndarray
    gallbladder: np.ndarray | None
    pancreas_points: np.ndarray
    top_z: float
    bottom_z: float

    def dome_at(self, y: float, x: float) -> float:
        """Height of the diaphragm above one point."""
        row = int(np.clip(np.searchsorted(self.dome_y, y), 0, len(self.dome_y) - 1))
        column = int(np.clip(np.searchsorted(self.dome_x, x), 0, len(self.dome_x) - 1))
        return float(self.dome_z[row, column])


def measure_landmarks(anatomy: Anatomy, wall_gap_mm: float = 5.0) -> Landmarks:
    """Measure the landmarks on a grid of 8 mm; `wall_gap_mm` is the least distance of the abdominal wall to organs."""
    nz, ny, nx = (2 * int(half / OVERVIEW_STEP_MM) + 1 for half in _OVERVIEW_HALF_MM)
    oz, oy, ox = (-half for half in _OVERVIEW_HALF_MM)
    step = OVERVIEW_STEP_MM
    grid = SampleGrid((nz, ny, nx), (step, step, step), (oz, oy, ox))
    canvas = Canvas(grid)
    for organ in anatomy.organs:
        if found := organ.depth(canvas):
            canvas.paint(found[0], found[1] > 0, organ.label)
    labels = canvas.parts
    axes = [grid.axis_mm(axis) for axis in range(3)]

    present = labels > 0
    low, high = _extent(present, axes)
    box_middle_x = (low[2] + high[2]) / 2
    places = _places(labels, axes, box_middle_x)
    kidneys = [places[name] for name in ("right_kidney", "left_kidney") if name in places]
    midline_x = anatomy.midline_x_mm
    if midline_x is None:
        midline_x = float(np.mean([k.centre[2] for k in kidneys])) if len(kidneys) == 2 else box_middle_x
    spine_y = anatomy.spine_y_mm
    if spine_y is None:
        level = np.mean([k.centre[1] for k in kidneys]) if kidneys else low[1] + 0.3 * (high[1] - low[1])
        spine_y = float(level) - _KIDNEY_BEFORE_SPINE_MM
    centre_y = float((low[1] + high[1]) / 2)
    half_width = float(max(high[2] - midline_x, midline_x - low[2]))
    half_depth = float((high[1] - low[1]) / 2)
    dome = _dome(labels, axes, np.array([centre_y, midline_x]), np.array([half_depth, half_width]))
    return Landmarks(
        places=places,
        midline_x=midline_x,
        spine_y=spine_y,
        centre_y=centre_y,
        half_width=half_width,
        half_depth=half_depth,
        wall_radius=_wall_radius(
            present, axes, midline_x, centre_y, half_width, half_depth, (low[0], high[0]), wall_gap_mm
        ),
        wall_z=axes[0],
        dome_z=dome,
        dome_y=axes[1],
        dome_x=axes[2],
        gallbladder=_gallbladder(
            labels == 1, axes, np.array([centre_y + 0.3 * half_depth, midline_x + 0.34 * half_width])
        ),
        pancreas_points=grid.origin_mm + OVERVIEW_STEP_MM * np.argwhere(labels == 4),
        top_z=float(high[0]),
        bottom_z=float(low[0]),
    )


def _extent(mask: np.ndarray, axes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    window = bounding_window(mask)
    if window is None:
        return np.array([-90.0, -90.0, -130.0]), np.array([90.0, 90.0, 130.0])
    half = OVERVIEW_STEP_MM / 2
    spans = [axis[part] for axis, part in zip(axes, window, strict=True)]
    return np.array([s[0] - half for s in spans]), np.array([s[-1] + half for s in spans])


def _places(labels: np.ndarray, axes: list[np.ndarray], middle_x: float) -> dict[str, Place]:
    right = axes[2] > middle_x
    masks = {
        "liver": labels == 1,
        "right_kidney": (labels == 2) & right,
        "left_kidney": (labels == 2) & ~right,
        "spleen": labels == 3,
        "pancreas": labels == 4,
    }
    places = {}
    for name, mask in masks.items():
        if mask.sum() * OVERVIEW_STEP_MM**3 / 1000 < _SMALLEST_ORGAN_ML:
            continue
        low, high = _extent(mask, axes)
        weights = [mask.sum(tuple(a for a in range(3) if a != n)) for n in range(3)]
        centre = np.array([np.average(axis, weights=w) for axis, w in zip(axes, weights, strict=True)])
        places[name] = Place(centre, low, high)
    return places


def _wall_radius(
    present: np.ndarray,
    axes: list[np.ndarray],
    midline_x: float,
    centre_y: float,
    half_width: float,
    half_depth: float,
    span_z: tuple[float, float],
    gap_mm: float,
) -> np.ndarray:
    """An elliptical trunk, enlarged where organs need it."""
    z, y, x = np.nonzero(present)
    dy, dx = axes[1][y] - centre_y, axes[2][x] - midline_x
    sector = ((np.arctan2(dy, dx) + np.pi) / (2 * np.pi) * _ANGLES).astype(int) % _ANGLES
    needed = np.zeros((len(axes[0]), _ANGLES), np.float32)
    np.maximum.at(needed, (z, sector), np.hypot(dy, dx).astype(np.float32) + gap_mm)
    needed = ndimage.maximum_filter1d(needed, 7, axis=0)

    angle = (np.arange(_ANGLES) + 0.5) / _ANGLES * 2 * np.pi - np.pi
    ellipse = (
        np.abs(np.cos(angle) / (0.98 * half_width)) ** 2.4 + np.abs(np.sin(angle) / (0.96 * half_depth)) ** 2.4
    ) ** (-1 / 2.4)
    above = np.clip((axes[0] - span_z[1]) / 180, 0, 1)
    below = np.clip((span_z[0] + 40 - axes[0]) / 120, 0, 1)
    size = 1 - 0.22 * above**2 - 0.1 * np.sin(np.pi * below)
    radius = np.maximum(needed, size[:, None] * ellipse[None])
    radius = ndimage.gaussian_filter1d(radius, 2.5, axis=0, mode="nearest")
    return ndimage.gaussian_filter1d(radius, 1.3, axis=1, mode="wrap").astype(np.float32)


def _dome(labels: np.ndarray, axes: list[np.ndarray], middle: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Tops of liver and spleen, extrapolated by a dome over columns that have neither."""
    under = (labels == 1) | (labels == 3)
    covered = under.any(0)
    top = axes[0][under.shape[0] - 1 - under[::-1].argmax(0)] + OVERVIEW_STEP_MM / 2
    highest = float(top[covered].max()) if covered.any() else 80.0
    y, x = (axes[1] - middle[0]) / half[0], (axes[2] - middle[1]) / half[1]
    out = np.minimum(np.square(y)[:, None] + np.square(x)[None], 1.6)
    # The left dome is about 1 cm lower, the middle under the heart lower still.
    bowl = highest - 12 - 10 * (x < 0)[None] - 18 * np.exp(-np.square(x / 0.3))[None] - 70 * out**2
    weight = (covered & (top > bowl - 25)).astype(np.float32)
    above = ndimage.gaussian_filter((weight * (top - bowl)).astype(np.float32), 1.5)
    share = ndimage.gaussian_filter(weight, 1.5)
    return np.asarray(bowl + above / np.maximum(share, 0.25), np.float32)


def _gallbladder(liver: np.ndarray, axes: list[np.ndarray], wanted: np.ndarray) -> np.ndarray | None:
    """Point on the liver's lower surface in the column nearest to a given (y, x)."""
    columns = np.argwhere(liver.any(0))
    if not len(columns):
        return None
    place = np.column_stack([axes[1][columns[:, 0]], axes[2][columns[:, 1]]])
    row, column = columns[np.square(place - wanted).sum(1).argmin()]
    bottom = axes[0][liver[:, row, column].argmax()]
    return np.array([bottom, axes[1][row], axes[2][column]])
