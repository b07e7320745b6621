"""Anatomy: the four organs as shapes in the patient's own frame.

The frame: z to Superior, y to Anterior, x to Right, in mm; its origin is near the middle of all organs.
Shapes are functions of position, so that the same patient can be drawn on any grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from flarecli.geometry import Window
from flarecli.phantom.drawing.canvas import ROUGH_REACH, BoxMm, Canvas

Depth = Callable[[Sequence[np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class OrganShape:
    """One organ, or one of a pair.

    Attributes:
        label: Its value in the label map.
        box: Box that encloses it, mm.
        depth_at: From positions (z, y, x), mm, to depths, mm, positive inside; float32 arrays of one shape.
        roughness_mm: Standard deviation of the irregularity of its surface.
        bed_at: Like `depth_at`, for its extent before atrophy, at which vessels keep their position; None without
            atrophy.
    """

    label: int
    box: BoxMm
    depth_at: Depth
    roughness_mm: float = 0.0
    bed_at: Depth | None = None

    def depth(self, canvas: Canvas) -> tuple[Window, np.ndarray] | None:
        """The window that contains it and its depth there, rough surface included; None outside the canvas."""
        window = canvas.window(self.box, ROUGH_REACH * self.roughness_mm)
        if window is None:
            return None
        depth = self.depth_at(canvas.at(window))
        if self.roughness_mm:
            depth = depth + np.float32(self.roughness_mm) * canvas.roughness[window]
        return window, depth


@dataclass(frozen=True)
class Anatomy:
    """The organs of one patient.

    Attributes:
        organs: The shapes in drawing order; they hardly overlap.
        source: Where they come from: "procedural" or "labels".
        midline_x_mm: Where the spine stands, if the source knows it.
        spine_y_mm: Middle of the vertebral bodies, if the source knows it.
    """

    organs: tuple[OrganShape, ...]
    source: str
    midline_x_mm: float | None = None
    spine_y_mm: float | None = None

    @property
    def is_pancreas_atrophic(self) -> bool:
        """Whether the pancreas has shrunk or is gone in places."""
        return any(organ.label == 4 and organ.bed_at is not None for organ in self.organs)


@dataclass(frozen=True)
class _Dilated:
    """Depth of a dilated body.

    Attributes:
        depth: Depth of the body.
        by_mm: Dilation.
    """

    depth: Depth
    by_mm: float

    def __call__(self, position: Sequence[np.ndarray]) -> np.ndarray:
        depth: np.ndarray = self.depth(position) + np.float32(self.by_mm)
        return depth


def dilated(anatomy: Anatomy, by_mm: float) -> Anatomy:
    """The same organs, dilated; where two overlap, the greater `depth` decides."""
    return replace(anatomy, organs=tuple(_dilated(organ, by_mm) for organ in anatomy.organs))


def _dilated(organ: OrganShape, by_mm: float) -> OrganShape:
    low, high = organ.box
    bed_at = _Dilated(organ.bed_at, by_mm) if organ.bed_at is not None else None
    return replace(organ, box=(low - by_mm, high + by_mm), depth_at=_Dilated(organ.depth_at, by_mm), bed_at=bed_at)
