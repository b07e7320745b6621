"""Box and strip plots put every value where it belongs."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from flarecli.metrics.report.plots import box_and_strip_plot


def _plot(values: list[float], *, ends_at_1: bool = True) -> ElementTree.Element:
    names = [f"case <{number}>" for number in range(len(values))]
    return ElementTree.fromstring(
        box_and_strip_plot({"liver & co": np.array(values)}, names, title="DSC", ends_at_1=ends_at_1)
    )


def _ticks(svg: ElementTree.Element) -> list[tuple[float, float]]:
    """Value and height in the picture of each line of the axis."""
    return [(float(text.text or ""), float(text.attrib["y"]) - 4) for text in svg.findall("text[@class='tick']")]


def _value_at(svg: ElementTree.Element, y_px: float) -> float:
    """What the axis shows at a height, from its first and last tick."""
    ticks = _ticks(svg)
    (low, low_px), (high, high_px) = ticks[0], ticks[-1]
    return low + (y_px - low_px) / (high_px - low_px) * (high - low)


def test_dots_box_and_median_stand_at_their_values() -> None:
    values = [0.6, 0.9, 0.8, 0.85, 0.7]
    svg = _plot(values)
    dots = [_value_at(svg, float(dot.attrib["cy"])) for dot in svg.findall("circle")]
    assert dots == pytest.approx(values, abs=2e-3)
    median = svg.find("line[@class='median']")
    assert median is not None
    assert _value_at(svg, float(median.attrib["y1"])) == pytest.approx(0.8, abs=2e-3)
    box = svg.find("rect")
    assert box is not None
    top = float(box.attrib["y"])
    assert _value_at(svg, top) == pytest.approx(0.85, abs=2e-3)
    assert _value_at(svg, top + float(box.attrib["height"])) == pytest.approx(0.7, abs=2e-3)


def test_names_are_escaped_and_shown() -> None:
    svg = _plot([0.5])
    assert [title.text for title in svg.iter("title")] == ["case <0>: 0.5"]
    organ = svg.find("text[@class='organ']")
    assert organ is not None
    assert organ.text == "liver & co"


@pytest.mark.parametrize(
    ("values", "ends_at_1", "low", "high"),
    [
        ([0.93, 0.99], True, 0.92, 1.0),
        ([1.0, 1.0], True, 0.995, 1.0),
        ([0.0, 1.0], True, 0.0, 1.0),
        ([2.0, 31.0], False, 0.0, 35.0),
        ([-28.0, -5.0], False, -30.0, -5.0),
        ([0.0, 0.0], False, -0.0002, 0.0),
        ([3.0, 3.0], False, 2.9998, 3.0),
    ],
)
def test_axis_holds_the_values_between_round_numbers(
    values: list[float], ends_at_1: bool, low: float, high: float
) -> None:
    ticks = [value for value, _ in _ticks(_plot(values, ends_at_1=ends_at_1))]
    assert ticks[0] <= min(values)
    assert ticks[-1] >= max(values)
    assert (ticks[0], ticks[-1]) == pytest.approx((low, high), abs=1e-3)
    assert 2 <= len(ticks) <= 8


def test_values_that_do_not_exist_are_counted() -> None:
    svg = _plot([2.0, math.inf, math.nan, 4.0], ends_at_1=False)
    assert len(svg.findall("circle")) == 2
    organ = svg.find("text[@class='organ']")
    assert organ is not None
    assert organ.text == "liver & co (−2)"
    assert not _plot([math.nan], ends_at_1=False).findall("circle")
