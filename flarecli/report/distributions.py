"""Histograms of one figure of one organ, with the reference range and every outlier, as SVG text that a page holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from flarecli.files.printable import printable_name
from flarecli.pages.ticks import round_ticks

_WIDTH_PX, _HEIGHT_PX = 360, 128
_LEFT_PX, _RIGHT_PX, _TOP_PX, _BOTTOM_PX = 12, 12, 26, 24
_MOST_BINS = 40
_MARK_PX = 5


@dataclass(frozen=True)
class Figure:
    """One figure of one organ over all cases.

    Attributes:
        organ: The organ.
        unit: "mL" or "HU".
        values: One a case, NaN where there is none.
        outlier: Which of them are outliers.
        reference: Lowest and highest ordinary value.
    """

    organ: str
    unit: str
    values: NDArray[np.float64]
    outlier: NDArray[np.bool_]
    reference: tuple[float, float]


def distribution_plot(figure: Figure, case_names: Sequence[str], colour: tuple[int, int, int]) -> str:
    """Draw a histogram over the reference range; triangles mark outliers, each with the name of its case.

    Args:
        figure: What to draw.
        case_names: Names of the cases.
        colour: Of the organ.

    Returns:
        An `<svg>` element; its colours besides the organ's are CSS classes of the page.
    """
    finite = figure.values[np.isfinite(figure.values)]
    low, high = figure.reference
    spread = [low, high, *finite.tolist()]
    ticks = round_ticks(min(spread), max(spread))
    inner = _WIDTH_PX - _LEFT_PX - _RIGHT_PX
    floor = _HEIGHT_PX - _BOTTOM_PX

    def x_px(value: float) -> float:
        return _LEFT_PX + (value - ticks[0]) / (ticks[-1] - ticks[0]) * inner

    label = f"{figure.organ}, {figure.unit}: {_described(finite)}; reference {low:g} to {high:g}; "
    label += f"{int(figure.outlier.sum())} outliers"
    parts = [
        f'<svg class="distribution" viewBox="0 0 {_WIDTH_PX} {_HEIGHT_PX}" role="img" aria-label="{escape(label)}">',
        f'<rect class="reference" x="{x_px(low):.1f}" width="{x_px(high) - x_px(low):.1f}" y="{_TOP_PX - 6}" '
        f'height="{floor - _TOP_PX + 6}"/>',
    ]
    if len(finite):
        bins = int(min(_MOST_BINS, max(8, 2 * len(finite) ** 0.5)))
        counts, edges = np.histogram(finite, bins, (ticks[0], ticks[-1]))
        for count, start, stop in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            if count:
                height = max(2.0, count / counts.max() * (floor - _TOP_PX))
                parts.append(
                    f'<rect x="{x_px(start) + 0.5:.1f}" width="{max(1.0, x_px(stop) - x_px(start) - 1):.1f}" '
                    f'y="{floor - height:.1f}" height="{height:.1f}" fill="rgb{colour}">'
                    f"<title>{start:.0f} to {stop:.0f} {figure.unit}: {count}</title></rect>"
                )
        middle = x_px(float(np.median(finite)))
        parts.append(f'<line class="median" x1="{middle:.1f}" x2="{middle:.1f}" y1="{_TOP_PX - 6}" y2="{floor}"/>')
    for number in np.flatnonzero(figure.outlier).tolist():
        x, y = x_px(float(figure.values[number])), _TOP_PX - 8
        title = f"{printable_name(case_names[number])}: {figure.values[number]:.0f} {figure.unit}"
        parts.append(
            f'<path class="outlier" d="M{x:.1f} {y + _MARK_PX}l{-_MARK_PX} {-2 * _MARK_PX}h{2 * _MARK_PX}z">'
            f"<title>{escape(title)}</title></path>"
        )
    parts.append(f'<line class="axis" x1="{_LEFT_PX}" x2="{_WIDTH_PX - _RIGHT_PX}" y1="{floor}" y2="{floor}"/>')
    shown = ticks[:: 2 if len(ticks) > 6 else 1]
    for place, tick in enumerate(shown):
        anchor = "start" if place == 0 else "end" if tick == ticks[-1] else "middle"
        parts.append(f'<text text-anchor="{anchor}" x="{x_px(tick):.1f}" y="{floor + 16}">{tick:g}</text>')
    return "".join([*parts, "</svg>"])


def _described(finite: NDArray[np.float64]) -> str:
    if not len(finite):
        return "no values"
    low, median, high = np.quantile(finite, (0, 0.5, 1)).tolist()
    return f"{len(finite)} cases from {low:.0f} to {high:.0f}, median {median:.0f}"
