"""A run as a picture: memory and busy processors over time, with the steps marked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flarecli.files.atomic import atomic_path
from flarecli.matplotlib_import import prepare_matplotlib

if TYPE_CHECKING:
    from flarecli.profiling.run_profile import RunProfile
    from flarecli.profiling.sampler import Sample
    from flarecli.profiling.step_meter import Span

_COLOURS = (
    "#4e79a7",
    "#f28e2b",
    "#59a14f",
    "#e15759",
    "#76b7b2",
    "#edc948",
    "#b07aa1",
    "#ff9da7",
    "#9c755f",
    "#bab0ac",
)
"""Tableau 10 (2016), which most readers with colour blindness tell apart."""

_LEAST_LABELLED_SHARE = 0.02


def draw_run(destination: Path, run: RunProfile, *, title: str, replaces: bool = True) -> None:
    """Write the picture as PNG, atomically.

    Resident memory above, with the GPU's where there is one; below it the processors that the process kept busy. Each
    step is a bar of its own colour on top; a step's memory peak is drawn as a line across its time, for it may lie
    between two samples.

    Args:
        destination: The PNG file.
        run: A run with its samples and spans; not a median.
        title: Heading.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    prepare_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    end_s = max(span.end_s for span in run.spans) - run.start_s
    samples = [sample for sample in run.samples if 0 <= sample.at_s - run.start_s <= end_s]
    figure = Figure(figsize=(11, 6), layout="constrained")
    FigureCanvasAgg(figure)
    steps, memory, processors = figure.subplots(3, 1, sharex=True, height_ratios=(1.1, 3, 1.4))
    colours = dict(zip(run.steps, (_COLOURS * (len(run.steps) // len(_COLOURS) + 1)), strict=False))
    _draw_steps(steps, run.spans, run.start_s, end_s, colours)
    _draw_memory(memory, samples, run, colours)
    _draw_processors(processors, samples, run.start_s)
    for span in run.spans:
        for axes in (memory, processors):
            axes.axvline(span.start_s - run.start_s, color="0.8", linewidth=0.6, zorder=0)
    processors.set_xlim(0, end_s)
    processors.set_xlabel("seconds since the run began")
    patches = [Patch(color=colour, label=name) for name, colour in colours.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=8, frameon=False)
    whole = run.whole
    peak = "" if whole.peak_rss_mb is None else f", peak {whole.peak_rss_mb:.0f} MB"
    figure.suptitle(f"{title}: {whole.wall_s:.2f} s, {whole.cpu_s:.1f} s of processor time{peak}", fontsize=12)
    with atomic_path(destination, replaces=replaces) as temporary:
        figure.savefig(temporary, dpi=120)


def _draw_steps(axes: Any, spans: Sequence[Span], start_s: float, end_s: float, colours: dict[str, str]) -> None:
    """One bar a step; steps that overlap lie in different rows."""
    rows: list[float] = []
    for span in spans:
        left, right = span.start_s - start_s, span.end_s - start_s
        row = next((place for place, busy_until in enumerate(rows) if busy_until <= left + 1e-6), len(rows))
        rows[row : row + 1] = [right]
        axes.barh(-row, right - left, left=left, height=0.9, color=colours[span.name])
        if right - left > _LEAST_LABELLED_SHARE * end_s:
            fits = (right - left) / end_s > 0.011 * len(span.name)
            axes.text(
                (left + right) / 2, -row, span.name, ha="center", va="center", fontsize=8,
                rotation=0 if fits else 90, color="black", clip_on=True,
            )  # fmt: skip
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.set_yticks([])
    axes.set_ylabel("steps")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _draw_memory(axes: Any, samples: Sequence[Sample], run: RunProfile, colours: dict[str, str]) -> None:
    seconds = [sample.at_s - run.start_s for sample in samples]
    rss = [sample.rss_mb or 0.0 for sample in samples]
    axes.fill_between(seconds, rss, color="0.85", linewidth=0)
    axes.plot(seconds, rss, color="0.35", linewidth=1.2, label="resident memory")
    for span in run.spans:
        if span.peak_rss_mb is not None:
            ends = (span.start_s - run.start_s, span.end_s - run.start_s)
            axes.hlines(span.peak_rss_mb, *ends, color=colours[span.name], linewidth=2.0)
    for label, colour, values in (
        ("GPU memory of the process", "#b07aa1", [sample.gpu_process_mb for sample in samples]),
        ("GPU memory of the whole device", "#9c755f", [sample.gpu_used_mb for sample in samples]),
    ):
        if any(value is not None for value in values):
            axes.plot(
                seconds, [float("nan") if value is None else value for value in values], color=colour, label=label
            )
    axes.set_ylim(bottom=0)
    axes.margins(y=0.15)
    axes.set_ylabel("MB (10⁶ bytes)")
    axes.grid(axis="y", linewidth=0.4)
    axes.legend(loc="upper left", fontsize=8, frameon=False)


def _draw_processors(axes: Any, samples: Sequence[Sample], start_s: float) -> None:
    """Processors busy between samples, of this process and of all."""
    # The kernel counts in hundredths of a second: shorter distances would show its steps.
    sparse = _at_least_apart(samples, 0.1)
    middles, own, everybody = [], [], []
    for earlier, later in pairwise(sparse):
        elapsed_s = later.at_s - earlier.at_s
        middles.append((earlier.at_s + later.at_s) / 2 - start_s)
        own_s = 0.0 if earlier.cpu_s is None or later.cpu_s is None else later.cpu_s - earlier.cpu_s
        busy_s = later.machine_busy_s - earlier.machine_busy_s
        own.append(own_s / elapsed_s)
        everybody.append(busy_s / elapsed_s)
    axes.plot(middles, everybody, color="0.6", linewidth=0.8, label="all processes")
    axes.plot(middles, own, color="#4e79a7", linewidth=1.2, label="this process")
    axes.set_ylim(0, 1.4 * max([0.5, *own, *everybody]))
    axes.set_ylabel("busy processors")
    axes.grid(axis="y", linewidth=0.4)
    axes.legend(loc="upper left", ncols=2, fontsize=8, frameon=False)


def _at_least_apart(samples: Sequence[Sample], distance_s: float) -> list[Sample]:
    kept: list[Sample] = []
    for sample in samples:
        if not kept or sample.at_s - kept[-1].at_s >= distance_s:
            kept.append(sample)
    return kept
