"""Box and strip plots of scores by organ, as SVG text that a page can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from flarecli.pages.ticks import round_ticks

_COLUMN_PX = 96
_HEIGHT_PX = 260
_LEFT_PX, _TOP_PX, _BOTTOM_PX = 52, 14, 40
_BOX_HALF_PX = 24
_STRIP_HALF_PX = 16
_WHISKER_IQR = 1.5  # Tukey's convention
_GOLDEN = (math.sqrt(5) - 1) / 2  # multiples of it spread evenly over the width of a strip


@dataclass(frozen=True)
class _Axis:
    """Values from `low` (bottom) to `high` (top), with a line at each of `ticks`."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def y_px(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return _TOP_PX + (1 - share) * (_HEIGHT_PX - _TOP_PX - _BOTTOM_PX)


def box_and_strip_plot(
    values_by_organ: Mapping[str, NDArray[np.float64]],
    case_names: Sequence[str],
    *,
    title: str,
    ends_at_1: bool,
) -> str:
    """Draw one column an organ: a box over quartiles and median, whiskers, and a dot a case.

    Args:
        values_by_organ: Scores by organ, one value a case; values that are not finite are left out and
            counted.
        case_names: Shown when the pointer rests on a dot.
        title: Read by screen readers.
        ends_at_1: The axis ends at 1, whatever the scores; else it is fitted to them.

    Returns:
        An `<svg>` element; its colours are CSS variables and classes of the page.
    """
    finite = np.concatenate([values[np.isfinite(values)] for values in values_by_organ.values()])
    axis = _axis(finite, ends_at_1=ends_at_1)
    width = _LEFT_PX + _COLUMN_PX * len(values_by_organ) + 8
    parts = [
        f'<svg class="plot" viewBox="0 0 {width} {_HEIGHT_PX}" width="{width}" role="img" aria-label="{escape(title)}">'
    ]
    for tick in axis.ticks:
        y = axis.y_px(tick)
        parts.append(f'<line class="grid" x1="{_LEFT_PX}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT_PX - 8}" y="{y + 4:.1f}">{tick:g}</text>')
    for place, (organ, values) in enumerate(values_by_organ.items()):
        centre = _LEFT_PX + _COLUMN_PX * (place + 0.5)
        parts += _column(values, case_names, centre, axis)
        left_out = int(np.count_nonzero(~np.isfinite(values)))
        note = f" (−{left_out})" if left_out else ""
        parts.append(f'<text class="organ" x="{centre:.1f}" y="{_HEIGHT_PX - 16}">{escape(organ)}{note}</text>')
    return "".join([*parts, "</svg>"])


def _axis(finite: NDArray[np.float64], *, ends_at_1: bool) -> _Axis:
    """An axis that holds all values, with ticks at round numbers."""
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if ends_at_1:
        high = 1.0
    ticks = round_ticks(low, high, least_span=0.02 if ends_at_1 else 1e-3)
    return _Axis(ticks[0], ticks[-1], ticks)


def _column(values: NDArray[np.float64], case_names: Sequence[str], centre_px: float, axis: _Axis) -> list[str]:
    parts = []
    finite = values[np.isfinite(values)]
    if len(finite):
        lower, median, upper = np.quantile(finite, (0.25, 0.5, 0.75)).tolist()
        reach = _WHISKER_IQR * (upper - lower)
        whisker_low = float(finite[finite >= lower - reach].min())
        whisker_high = float(finite[finite <= upper + reach].max())
        left, right = centre_px - _BOX_HALF_PX, centre_px + _BOX_HALF_PX
        top = axis.y_px(upper)
        parts += [
            _vertical(centre_px, axis.y_px(whisker_low), axis.y_px(lower)),
            _vertical(centre_px, axis.y_px(upper), axis.y_px(whisker_high)),
            f'<rect class="box" x="{left:.1f}" width="{right - left:.1f}" y="{top:.1f}" '
            f'height="{axis.y_px(lower) - top:.1f}"/>',
            f'<line class="median" x1="{left:.1f}" x2="{right:.1f}" '
            f'y1="{axis.y_px(median):.1f}" y2="{axis.y_px(median):.1f}"/>',
        ]
    for number, (value, name) in enumerate(zip(values.tolist(), case_names, strict=True)):
        if math.isfinite(value):
            x = centre_px + (2 * ((number * _GOLDEN) % 1) - 1) * _STRIP_HALF_PX
            parts.append(
                f'<circle class="dot" cx="{x:.1f}" cy="{axis.y_px(value):.1f}" r="2.6">'
                f"<title>{escape(name)}: {value:.4g}</title></circle>"
            )
    return parts


def _vertical(x_px: float, from_px: float, to_px: float) -> str:
    return f'<line class="whisker" x1="{x_px:.1f}" x2="{x_px:.1f}" y1="{from_px:.1f}" y2="{to_px:.1f}"/>'
