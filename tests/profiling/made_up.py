"""Profiles that were never measured, for tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flarecli.metrics.case import CaseEvaluation, EvaluationStatus
from flarecli.metrics.pairing import CasePair
from flarecli.metrics.protocol import Metric
from flarecli.prediction.cases import Case
from flarecli.profiling.networks.network_measurement import NetworkMeasurement
from flarecli.profiling.processes.cold import ColdRun
from flarecli.profiling.processes.measured_process import Measured
from flarecli.profiling.processes.work import CaseRun
from flarecli.profiling.profile import CaseProfile, Profile, ProfileRequest
from flarecli.profiling.run_profile import cold_run_profile, warm_run_profile
from flarecli.profiling.sampler import Sample, SamplingCost
from flarecli.profiling.step_meter import Span

_BEFORE_START_S = 9.9
COST = SamplingCost(samples=11, wanted_period_s=0.1, median_period_s=0.1, longest_gap_s=0.12, cpu_s=0.01, wall_s=1.0)
RUNTIME = {"backend": "openvino", "device": "cpu", "precision": "bfloat16", "threads": 2, "version": "1"}
SCORES = CaseEvaluation(
    CasePair("scan.nii.gz", None, None),
    EvaluationStatus.SCORED,
    {Metric.DSC: (0.9, 0.8, 0.7, 0.6), Metric.NSD: (0.5, 0.4, 0.3, 0.2)},
)
"""Of the four organs, for a case named scan."""


def samples(
    gpu_mb: list[float] | None = None, *, process_mb: float | None = None, start_s: float = 9.9
) -> list[Sample]:
    """A sample every 0.1 s: the GPU as given, 50 J a sample; one of two processors is busy all the time."""
    used: list[float | None] = [None] * 14 if gpu_mb is None else [*gpu_mb]
    return [
        Sample(
            at_s=_BEFORE_START_S + 0.1 * index,
            rss_mb=100.0 * index,
            cpu_s=0.1 * index,
            gpu_used_mb=value,
            gpu_taken_mib=value,
            gpu_process_mb=process_mb if index else None,
            gpu_energy_j=None if value is None else 50.0 * index,
            machine_cpu_s=(0.1 * index, 0.0, 0.1 * index),
            machine_busy_s=0.1 * index,
            machine_ram_mib=2000.0 + index,
        )
        for index, value in enumerate(used)
    ]


def cold_run(*, seen: list[Sample] | None = None, slower_s: float = 0.0, told: bool = True) -> ColdRun:
    """A cold run from 10 s to 11 s: start, read, then prepare and segment twice, exit.

    Args:
        seen: The samples.
        slower_s: How much later it ends.
        told: Whether the system tells of memory peaks.
    """
    steps = (
        Span("start", 0.0, 10.2, 0.0, 0.15, 60.0),
        Span("read", 10.2, 10.3, 0.15, 0.25, 200.0),
        Span("prepare", 10.3, 10.35, 0.25, 0.3, 300.0),
        Span("segment", 10.35, 10.6, 0.3, 0.6, 900.0),
        Span("prepare", 10.6, 10.65, 0.6, 0.65, 350.0),
        Span("segment", 10.65, 10.9, 0.65, 0.95, 800.0, 500.0),
    )
    if not told:
        steps = tuple(replace(span, peak_rss_mb=None) for span in steps)
    return ColdRun(Measured(10.0, 11.0 + slower_s, 1.0, tuple(seen or samples()), COST, 0, "", ""), steps, RUNTIME)


def case_profile(name: str = "scan", *, seen: list[Sample] | None = None, device: str = "cpu") -> CaseProfile:
    """A case with three cold runs of 1.0, 1.2 and 1.1 s and one warm run of 0.7 s."""
    runs = [cold_run(seen=seen, slower_s=more) for more in (0.0, 0.2, 0.1)]
    whole = Span("run", 10.2, 10.9, 0.15, 0.95, 900.0, 500.0)
    warm = warm_run_profile(CaseRun(name, whole, runs[0].steps[1:], RUNTIME), runs[0].measured.samples)
    network = NetworkMeasurement(
        key="segmentation", input_shape=(64, 64, 96), parameters=1000, multiply_adds=10**9, operations=2 * 10**9,
        activations_mb=12.5, all_activations_mb=50.0, calls=2, first_call_s=0.5, call_s=0.02, first_call_rise_mb=40.0,
        allocator_peak_mb=None, convolution_flops=200e9,
    )  # fmt: skip
    return CaseProfile(
        Case(name, Path(f"{name}_0000.nii.gz"), Path(f"{name}.nii.gz")),
        runtime={**RUNTIME, "device": device},
        cold=tuple(cold_run_profile(run) for run in runs),
        warm=(warm,),
        networks=(network,),
    )


def profile(*cases: CaseProfile, request: ProfileRequest | None = None) -> Profile:
    """A profile of these cases on a machine without a GPU."""
    machine = {"system": "Linux", "processor": "CPU", "processors": 2, "gpu": None}
    return Profile(request or ProfileRequest("efficientscn"), machine, ("No GPU here.",), cases, (COST,))
