"""The canvas: a map of parts on a grid, the positions of its voxels in the patient, and drawing of shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from flarecli.geometry import Window
from flarecli.phantom.drawing.lattice import NoiseField, SampleGrid, Vector
from flarecli.phantom.surroundings import KIND_OF_TISSUE
from flarecli.phantom.tissues import Tissue

BoxMm = tuple[np.ndarray, np.ndarray]
"""Lower and upper corner in the patient, each a float array (z, y, x) in mm."""

_DISPLACEMENT_STEP_MM = 8.0
_DISPLACEMENT_SLACK_MM = 1.0
"""Bound for the difference of displacements 8 mm apart; the finest warp has features of 56 mm."""

Displacements = list[tuple[float, float]]

MAX_PARTS = 256
ROUGH_REACH = 3.0
"""Bound for the roughness of a surface, in standard deviations."""


@dataclass(frozen=True)
class Part:
    """A structure of one tissue, with its own intensity.

    Attributes:
        tissue: Its tissue.
        label: Its value in the label map; 0 is background.
        offset_hu: Difference of its intensity from its tissue's mean.
    """

    tissue: Tissue
    label: int = 0
    offset_hu: float = 0.0


@dataclass
class Palette:
    """The parts of a scene; a part's number is its place in the list. Number 0 is air."""

    parts: list[Part] = field(default_factory=lambda: [Part(Tissue.AIR)])

    def add(self, tissue: Tissue, label: int = 0, offset_hu: float = 0.0) -> int:
        """Add a part and return its number.

        Raises:
            ValueError: when the scene has 256 parts already; their numbers are uint8.
        """
        if len(self.parts) == MAX_PARTS:
            raise ValueError(f"a scene holds at most {MAX_PARTS} parts")
        self.parts.append(Part(tissue, label, offset_hu))
        return len(self.parts) - 1

    def where(self, *tissues: Tissue) -> np.ndarray:
        """Boolean array of shape `(256,)`: which part numbers are of these tissues."""
        chosen = np.zeros(MAX_PARTS, bool)
        for number, part in enumerate(self.parts):
            chosen[number] = part.tissue in tissues
        return chosen

    def surroundings(self) -> np.ndarray:
        """Uint8 array of shape `(256,)`: the kind of surroundings of each part number, 0 for organs and the rest."""
        table = np.zeros(MAX_PARTS, np.uint8)
        table[: len(self.parts)] = [0 if part.label else KIND_OF_TISSUE.get(part.tissue, 0) for part in self.parts]
        return table

    def labels(self) -> np.ndarray:
        """Uint8 array of shape `(256,)`: the label of each part number."""
        table = np.zeros(MAX_PARTS, np.uint8)
        table[: len(self.parts)] = [part.label for part in self.parts]
        return table


@dataclass(frozen=True)
class Pose:
    """Pose of the patient in the scanner, and deformation.

    Attributes:
        rotation: 3x3 matrix from scanner to patient axes, order (z, y, x).
        offset_mm: Point of the patient at the scanner's origin, (z, y, x).
        warp: For each axis the fields of displacement along it, with their amplitudes in mm.
        roughness: Field of unit standard deviation that roughens organ surfaces.
    """

    rotation: np.ndarray
    offset_mm: np.ndarray
    warp: tuple[tuple[tuple[NoiseField, float], ...], ...]
    roughness: NoiseField | None = None


STRAIGHT = Pose(np.eye(3), np.zeros(3), ((), (), ()))
"""Scanner and patient axes coincide; no deformation."""


class Canvas:
    """A grid of voxels to draw on.

    Attributes:
        grid: Where the voxels lie in the scanner.
        parts: Uint8 array of shape `grid.shape_zyx`: number of the part each voxel belongs to.
        position: Three float32 arrays of that shape: the point of the undeformed patient, z, y and x in mm.
    """

    def __init__(self, grid: SampleGrid, pose: Pose = STRAIGHT) -> None:
        self.grid = grid
        self.pose = pose
        self.parts = np.zeros(grid.shape_zyx, np.uint8)
        axes = [
            grid.axis_mm(axis).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
            for axis in range(3)
        ]
        self.position: list[np.ndarray] = []
        self._offset_mm: list[float] = pose.offset_mm.tolist()
        self._to_scanner: list[list[float]] = pose.rotation.T.tolist()
        # Extent of the grid in the patient, without displacement.
        self._span_mm: list[tuple[float, float]] = []
        # Displacements of every few voxels, for their range near a box.
        self._strides = [max(1, round(_DISPLACEMENT_STEP_MM / step)) for step in grid.spacing_mm]
        self._displacement_mm: list[np.ndarray] = []
        for axis, row in enumerate(pose.rotation.astype(np.float32)):
            straight = row[0] * axes[0] + row[1] * axes[1] + row[2] * axes[2] + np.float32(pose.offset_mm[axis])
            displacement = np.zeros((1, 1, 1), np.float32)
            if pose.warp[axis]:
                displacement = np.add.reduce([np.float32(mm) * noise.on(grid) for noise, mm in pose.warp[axis]])
            a, b, c = self._strides
            self._displacement_mm.append(displacement[::a, ::b, ::c].copy())
            reach = float(np.abs(pose.rotation[axis]) @ grid.half_extent_mm)
            middle = float(pose.rotation[axis] @ grid.centre_mm + pose.offset_mm[axis])
            self._span_mm.append((middle - reach, middle + reach))
            self.position.append(np.ascontiguousarray(np.broadcast_to(straight + displacement, grid.shape_zyx)))
        self._widest_mm = [(float(d.min()), float(d.max())) for d in self._displacement_mm]

    @cached_property
    def roughness(self) -> np.ndarray:
        """Float32 field of unit standard deviation on the whole canvas; zero where the pose has none."""
        if self.pose.roughness is None:
            return np.zeros(self.grid.shape_zyx, np.float32)
        return self.pose.roughness.on(self.grid)

    def window(self, box: BoxMm, margin_mm: float = 0.0, displaced_mm: Displacements | None = None) -> Window | None:
        """The voxels that a box of the patient with a margin can contain, or None where it lies outside the canvas.

        `displaced_mm` is the range of displacements near the box, computed where it is not given.
        """
        lows = [low - margin_mm - _DISPLACEMENT_SLACK_MM for low in box[0].tolist()]
        highs = [high + margin_mm + _DISPLACEMENT_SLACK_MM for high in box[1].tolist()]
        if displaced_mm is not None:
            return self._reached(lows, highs, displaced_mm)
        window = self._reached(lows, highs, self._widest_mm)
        # Near the box displacements differ less than on the whole canvas: the second window is tighter.
        return None if window is None else self._reached(lows, highs, self.displacements(window))

    def displacements(self, window: Window) -> Displacements:
        """Least and greatest displacement in a window along z, y and x, mm."""
        if self._displacement_mm[0].size == 1:
            return self._widest_mm
        near = tuple(slice(w.start // k, (w.stop - 1) // k + 2) for w, k in zip(window, self._strides, strict=True))
        return [(float(d[near].min()), float(d[near].max())) for d in self._displacement_mm]

    def _reached(self, lows: list[float], highs: list[float], displaced_mm: Displacements) -> Window | None:
        """The voxels whose positions can be between `lows` and `highs` with these displacements."""
        middle, half = [0.0] * 3, [0.0] * 3
        for axis, (least, most) in enumerate(self._span_mm):
            low, high = (
                max(lows[axis] - displaced_mm[axis][1], least),
                min(highs[axis] - displaced_mm[axis][0], most),
            )
            if low > high:
                return None
            middle[axis] = (low + high) / 2 - self._offset_mm[axis]
            half[axis] = (high - low) / 2
        spans = []
        for axis, (a, b, c) in enumerate(self._to_scanner):
            origin, step = self.grid.origin_mm[axis], self.grid.spacing_mm[axis]
            centre = a * middle[0] + b * middle[1] + c * middle[2] - origin
            reach = abs(a) * half[0] + abs(b) * half[1] + abs(c) * half[2]
            start = max(math.ceil((centre - reach) / step), 0)
            stop = min(math.floor((centre + reach) / step) + 1, self.grid.shape_zyx[axis])
            if start >= stop:
                return None
            spans.append(slice(start, stop))
        return spans[0], spans[1], spans[2]

    def at(self, window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions z, y, x of a window's voxels, mm."""
        z, y, x = self.position
        return z[window], y[window], x[window]

    def paint(self, window: Window, where: np.ndarray, part: int, over: np.ndarray | None = None) -> None:
        """Set the voxels of `where` inside a window to a part; `over` is true for part numbers that are replaced."""
        target = self.parts[window]
        if over is not None:
            where = where & over[target]
        target[where] = part


class Shape(Protocol):
    """A body in the patient, given by its depth: the distance to its surface in mm, positive inside."""

    def depth(self, canvas: Canvas, margin_mm: float = 0.0) -> tuple[Window, np.ndarray] | None:
        """The window that contains it and the depth there (float32), or None where it lies outside the canvas.

        The window is `margin_mm` wider than the shape on every side.
        """


class Drawable(Protocol):
    """An object that is drawn on a canvas."""

    def draw(self, canvas: Canvas) -> None:
        """Draw on the canvas."""


@dataclass(frozen=True)
class Solid:
    """A shape filled with one part, or with shells of several.

    Attributes:
        shape: The body.
        layers: Pairs of depth in mm and part number: from this depth inwards the part is drawn, in order.
        over: Which part numbers may be drawn over, as `Palette.where` gives it; None is all of them.
        roughness_mm: Standard deviation of the irregularity of the surface.
    """

    shape: Shape
    layers: tuple[tuple[float, int], ...]
    over: np.ndarray | None = None
    roughness_mm: float = 0.0

    def draw(self, canvas: Canvas) -> None:
        """Draw the layers."""
        found = self.shape.depth(canvas, ROUGH_REACH * self.roughness_mm)
        if found is None:
            return
        window, depth = found
        if self.roughness_mm:
            depth = depth + np.float32(self.roughness_mm) * canvas.roughness[window]
        allowed = None if self.over is None else self.over[canvas.parts[window]]
        for from_depth_mm, part in self.layers:
            inside = depth > from_depth_mm
            if allowed is not None:
                inside &= allowed
            canvas.parts[window][inside] = part


def box_around(centre: Vector | np.ndarray, reach: Vector | np.ndarray) -> BoxMm:
    """Box of half-widths `reach` about a point."""
    middle, half = np.asarray(centre, float), np.asarray(reach, float)
    return middle - half, middle + half
