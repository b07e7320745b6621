"""Profile of one run, from measurements inside and outside the process, and the median of several runs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from flarecli.profiling.processes.cold import ColdRun
from flarecli.profiling.processes.work import CaseRun
from flarecli.profiling.sampler import Sample
from flarecli.profiling.step_meter import STARTING_STEP, Span, greatest

ENDING_STEP = "exit"
"""From the record on disk to the end of the process."""


@dataclass(frozen=True)
class ResourceUsage:
    """What a step or a run took; None where it is not known.

    Attributes:
        wall_s: Seconds.
        cpu_s: Processor seconds of the process.
        peak_rss_mb: Largest resident memory of the process, MB (10^6 bytes).
        gpu_process_mb: Largest GPU memory of the process as NVML sees it, MB.
        gpu_device_mb: Largest change of the whole GPU's memory against the moment before the process began, MB.
        gpu_allocator_mb: Peak of the framework's allocator, MB.
        gpu_energy_j: Energy of the whole GPU in this time, J.
        others_busy: Processors that everything else on the machine kept busy on average, the sampling included.
    """

    wall_s: float
    cpu_s: float
    peak_rss_mb: float | None = None
    gpu_process_mb: float | None = None
    gpu_device_mb: float | None = None
    gpu_allocator_mb: float | None = None
    gpu_energy_j: float | None = None
    others_busy: float | None = None


@dataclass(frozen=True)
class RunProfile:
    """One run, or the median of several.

    Attributes:
        whole: The run as a whole. A cold run's is the whole process.
        steps: What each step took, in the order in which steps began; a step that ran several times is added up.
        spans: When the steps began and ended; empty for a median.
        samples: The samples of the process that the run was in; empty for a median.
        start_s: When the run began, on the clock of spans and samples.
    """

    whole: ResourceUsage
    steps: dict[str, ResourceUsage]
    spans: tuple[Span, ...] = ()
    samples: tuple[Sample, ...] = ()
    start_s: float = 0.0


def cold_run_profile(run: ColdRun) -> RunProfile:
    """The run of a process that segmented one case and ended."""
    measured = run.measured
    before, *steps = run.steps
    began = replace(before, start_s=measured.start_s)
    done_s, cpu_done_s = max((span.end_s, span.cpu_end_s) for span in run.steps)
    ending = Span(ENDING_STEP, done_s, measured.end_s, cpu_done_s, max(cpu_done_s, measured.cpu_s))
    whole = Span(
        "run",
        measured.start_s,
        measured.end_s,
        0.0,
        measured.cpu_s,
        greatest(*(span.peak_rss_mb for span in run.steps)),
        greatest(*(span.allocator_peak_mb for span in run.steps)),
    )
    return _run_profile(whole, [began, *steps, ending], measured.samples)


def warm_run_profile(run: CaseRun, samples: tuple[Sample, ...]) -> RunProfile:
    """One of the runs of a process that went on, with the samples of that process."""
    return _run_profile(run.whole, run.steps, samples)


def median_run(runs: Sequence[RunProfile]) -> RunProfile:
    """The median of each figure, over the runs that know it."""
    names = dict.fromkeys(name for run in runs for name in run.steps)
    return RunProfile(
        whole=_median([run.whole for run in runs]),
        steps={name: _median([run.steps[name] for run in runs if name in run.steps]) for name in names},
    )


def typical_run(runs: Sequence[RunProfile]) -> RunProfile:
    """The run whose time is nearest to the median."""
    middle_s = statistics.median(run.whole.wall_s for run in runs)
    return min(runs, key=lambda run: abs(run.whole.wall_s - middle_s))


def _run_profile(whole: Span, spans: Sequence[Span], samples: tuple[Sample, ...]) -> RunProfile:
    ordered = tuple(sorted(spans, key=lambda span: (span.start_s, span.name != STARTING_STEP)))
    by_name: dict[str, list[Span]] = {}
    for span in ordered:
        by_name.setdefault(span.name, []).append(span)
    return RunProfile(
        whole=replace(_resource_usage([whole], samples), others_busy=_others_busy(whole, samples)),
        steps={name: _resource_usage(spans, samples) for name, spans in by_name.items()},
        spans=ordered,
        samples=samples,
        start_s=whole.start_s,
    )


def _resource_usage(spans: Sequence[Span], samples: tuple[Sample, ...]) -> ResourceUsage:
    seen = [sample for span in spans for sample in _during(span, samples)]
    idle_mb = samples[0].gpu_used_mb
    exact_rss_mb = greatest(*(span.peak_rss_mb for span in spans))
    device_mb = greatest(*(sample.gpu_used_mb for sample in seen))
    energies = [_energy_j(span, samples) for span in spans]
    return ResourceUsage(
        wall_s=sum(span.wall_s for span in spans),
        cpu_s=sum(span.cpu_s for span in spans),
        peak_rss_mb=exact_rss_mb if exact_rss_mb is not None else greatest(*(sample.rss_mb for sample in seen)),
        gpu_process_mb=greatest(*(sample.gpu_process_mb for sample in seen)),
        gpu_device_mb=None if device_mb is None or idle_mb is None else max(0.0, device_mb - idle_mb),
        gpu_allocator_mb=greatest(*(span.allocator_peak_mb for span in spans)),
        gpu_energy_j=None if None in energies else sum(energy for energy in energies if energy is not None),
    )


def _during(span: Span, samples: Iterable[Sample]) -> list[Sample]:
    """Samples of a span, and the last one before it: a value holds until the next sample."""
    before = [sample for sample in samples if sample.at_s < span.start_s][-1:]
    return before + [sample for sample in samples if span.start_s <= sample.at_s <= span.end_s]


def _energy_j(span: Span, samples: Sequence[Sample]) -> float | None:
    """Energy between the samples nearest to both ends."""
    counted = [(sample.at_s, sample.gpu_energy_j) for sample in samples if sample.gpu_energy_j is not None]
    if not counted:
        return None
    first, last = (min(counted, key=lambda entry: abs(entry[0] - at_s))[1] for at_s in (span.start_s, span.end_s))
    return last - first


def _others_busy(whole: Span, samples: Sequence[Sample]) -> float | None:
    seen = _during(whole, samples)
    if len(seen) < 2:
        return None
    first, last = seen[0], seen[-1]
    busy_s = last.machine_busy_s - first.machine_busy_s
    return max(0.0, busy_s - whole.cpu_s) / (last.at_s - first.at_s)


def _median(figures: Sequence[ResourceUsage]) -> ResourceUsage:
    medians: dict[str, Any] = {}
    for field in fields(ResourceUsage):
        known = [value for value in (getattr(one, field.name) for one in figures) if value is not None]
        medians[field.name] = statistics.median(known) if known else None
    return ResourceUsage(**medians)
