"""Accuracy, time and memory of several systems in one picture."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flarecli.files.atomic import atomic_path
from flarecli.matplotlib_import import prepare_matplotlib
from flarecli.metrics.protocol import Metric
from flarecli.profiling.profile import Profile
from flarecli.profiling.report import mean_scores

_COLOUR, _BEHIND = "#4e79a7", "#bab0ac"
_AREA_OF_GB = 600.0
"""Area of the disc of a gigabyte, in square points."""


@dataclass(frozen=True)
class SystemPoint:
    """One system over all its cases.

    Attributes:
        system: Its name.
        seconds: Median of a cold run, mean over cases; of a warm one where there are no cold runs.
        dsc: Mean DSC over organs and cases.
        memory_mb: Largest resident memory of any case; None where the system does not tell.
        cases: How many there are.
    """

    system: str
    seconds: float
    dsc: float
    memory_mb: float | None
    cases: int


def point_of(profile: Profile) -> SystemPoint | None:
    """The point of a system; None where no case was both segmented and scored."""
    seconds, scores, memory = [], [], []
    for case in profile.cases:
        leading = case.leading
        mean = None if case.scores is None else mean_scores(case.scores).get(Metric.DSC)
        if leading is None or mean is None or case.error is not None:
            continue
        seconds.append(leading.whole.wall_s)
        scores.append(mean)
        if leading.whole.peak_rss_mb is not None:
            memory.append(leading.whole.peak_rss_mb)
    if not seconds:
        return None
    return SystemPoint(
        profile.request.system,
        statistics.fmean(seconds),
        statistics.fmean(scores),
        max(memory, default=None),
        len(seconds),
    )


def not_dominated(points: Sequence[SystemPoint]) -> list[SystemPoint]:
    """The points of the Pareto front of accuracy and time, from the fastest on."""
    return sorted(
        (
            point
            for point in points
            if not any(
                other.dsc >= point.dsc
                and other.seconds <= point.seconds
                and (other.dsc, other.seconds) != (point.dsc, point.seconds)
                for other in points
            )
        ),
        key=lambda point: point.seconds,
    )


def draw_pareto(destination: Path, points: Sequence[SystemPoint], *, title: str, replaces: bool = True) -> None:
    """Write the picture as PNG, atomically: seconds to the right, DSC upwards, memory as the area of a disc.

    Systems on the Pareto front are blue and joined by a line, the others grey.

    Args:
        destination: The PNG file.
        points: At least one.
        title: Heading.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    prepare_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    front = not_dominated(points)
    axes.plot([point.seconds for point in front], [point.dsc for point in front], color=_COLOUR, linewidth=1, zorder=1)
    for point in points:
        area = 60.0 if point.memory_mb is None else _AREA_OF_GB * point.memory_mb / 1000
        colour = _COLOUR if point in front else _BEHIND
        axes.scatter([point.seconds], [point.dsc], s=area, color=colour, alpha=0.75, edgecolors="white", zorder=2)
        memory = "" if point.memory_mb is None else f", {point.memory_mb:.0f} MB"
        axes.annotate(
            f"{point.system}\n{point.seconds:.2f} s, DSC {point.dsc:.3f}{memory}",
            (point.seconds, point.dsc),
            xytext=(0, -12 - (area / 3.14) ** 0.5),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8,
        )
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.3)
    axes.set_xlabel("seconds of a cold run (logarithmic)")
    axes.set_ylabel("mean DSC")
    axes.grid(color="0.9", zorder=0)
    figure.suptitle(f"{title}; the area of a disc is the peak memory", fontsize=11)
    with atomic_path(destination, replaces=replaces) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
