"""Selection of the part of a scan that is shown: the body without air and table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flarecli.connected_parts import connected_parts
from flarecli.geometry import Grid, Window, content_window
from flarecli.measures.organ_profiles import OrganProfile

BODY_HU = -250
"""Threshold of the body: fat has about -100 HU, mattresses and clothes are below the threshold."""

_SURVEY_MM = 4.0  # fine enough for the outline of a body, coarse enough to cost nothing
_MARGIN_MM = 8.0
_MAX_HEIGHT_MM = 460.0  # the abdomen of a tall patient; more along the body only makes everything smaller


def frame_of(voxels: NDArray[np.int16], grid: Grid, profiles: Sequence[OrganProfile]) -> Window:
    """Choose the part of a scan to show: the body and every organ, with limited height along z.

    Args:
        voxels: HU, shape (z, y, x).
        grid: The scan's grid.
        profiles: Profiles of the organs.
    """
    organs = [box for profile in profiles if (box := profile.box_zyx) is not None]
    body = _body_box(voxels, grid)
    parts = []
    for axis, (length, step_mm) in enumerate(zip(grid.shape_zyx, grid.spacing_mm, strict=True)):
        spans = [box[axis] for box in organs]
        start, stop = _hull([*spans, body[axis]] if axis else spans or [body[axis]])
        if axis == 0:
            start, stop = _widened(start, stop, round(_MAX_HEIGHT_MM / step_mm), length)
        else:
            margin = round(_MARGIN_MM / step_mm)
            start, stop = max(0, start - margin), min(length, stop + margin)
        parts.append(slice(start, stop))
    return parts[0], parts[1], parts[2]


def _body_box(voxels: NDArray[np.int16], grid: Grid) -> Window:
    """Box around the largest dense piece; the whole scan where there is none."""
    steps = [max(1, round(_SURVEY_MM / step_mm)) for step_mm in grid.spacing_mm]
    dense = voxels[tuple(slice(None, None, step) for step in steps)] > BODY_HU
    if not dense.any():
        z, y, x = (slice(0, length) for length in grid.shape_zyx)
        return z, y, x
    # Face neighbours only: a bridge of single corners between body and table is noise.
    parts, _ = connected_parts(dense, connectivity=6)
    body = parts == 1 + int(np.bincount(parts.ravel())[1:].argmax())
    z, y, x = (
        slice(part.start * step, min(length, part.stop * step))
        for part, step, length in zip(content_window(body), steps, grid.shape_zyx, strict=True)
    )
    return z, y, x


def _hull(spans: Sequence[slice]) -> tuple[int, int]:
    return min(span.start for span in spans), max(span.stop for span in spans)


def _widened(start: int, stop: int, size: int, length: int) -> tuple[int, int]:
    """A span of `size`, or its own where that is more, around a span and within `length`."""
    size = min(length, max(size, stop - start))
    start = min(max(0, (start + stop - size) // 2), length - size)
    return start, start + size
