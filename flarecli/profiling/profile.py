"""`profile_scans`: time, memory and arithmetic of a system on some scans."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flarecli.errors import FlareError, InputError, InstallationError, UsageError
from flarecli.hardware.nvml import Gpu, NoGpu, open_gpu
from flarecli.metrics.case import CaseEvaluation, evaluate_case
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair
from flarecli.prediction.cases import Case
from flarecli.prediction.predictor import EngineRequest
from flarecli.profiling.flare_protocols import FlareProtocol
from flarecli.profiling.networks.network_measurement import NetworkMeasurement
from flarecli.profiling.processes.cold import run_cold
from flarecli.profiling.processes.measured_process import measured_environment
from flarecli.profiling.processes.warm_process import do_work
from flarecli.profiling.processes.work import Task, Work
from flarecli.profiling.run_profile import RunProfile, cold_run_profile, median_run, warm_run_profile
from flarecli.profiling.sampler import DEFAULT_PERIOD_S, SamplingCost


@dataclass(frozen=True)
class ProfileRequest:
    """What to measure, and how.

    Attributes:
        system: Name of the system.
        weights: Choices of weights, as for `flarecli.prediction.Predictor`.
        engine: Backend, device, precision, threads, limit of GPU memory.
        cold_runs: Fresh processes a case.
        warm_runs: Timed runs a case in one process, after one that warms up.
        networks: Whether to measure the networks one by one.
        period_s: Pause between two samples; a protocol brings its own.
        protocol: Figures of a challenge to take from the cold runs.
    """

    system: str
    weights: tuple[str, ...] = ()
    engine: EngineRequest = field(default_factory=EngineRequest)
    cold_runs: int = 3
    warm_runs: int = 3
    networks: bool = True
    period_s: float = DEFAULT_PERIOD_S
    protocol: FlareProtocol | None = None


@dataclass(frozen=True)
class ScanToProfile:
    """One scan.

    Attributes:
        case: The scan and where its label map goes.
        ground_truth: Label map to score against, where there is one.
    """

    case: Case
    ground_truth: Path | None = None


@dataclass(frozen=True)
class CaseProfile:
    """All that was measured of one case.

    Attributes:
        case: The case.
        runtime: What computed it; None where it failed.
        cold: The runs in fresh processes.
        warm: The runs in one process that had warmed up.
        networks: Its networks, one entry for each input size.
        protocol_figures: The challenge's figures, where they were asked for: medians over the cold runs.
        scores: DSC and NSD against the ground truth, where there is one.
        error: Why it failed.
    """

    case: Case
    runtime: dict[str, Any] | None = None
    cold: tuple[RunProfile, ...] = ()
    warm: tuple[RunProfile, ...] = ()
    networks: tuple[NetworkMeasurement, ...] = ()
    protocol_figures: dict[str, float | None] | None = None
    scores: CaseEvaluation | None = None
    error: FlareError | None = None

    @property
    def leading(self) -> RunProfile | None:
        """The median cold run, which is what the challenges timed; the warm one where there is no other."""
        runs = self.cold or self.warm
        return median_run(runs) if runs else None

    @property
    def ran_on_gpu(self) -> bool:
        """Whether the networks were computed on a GPU."""
        return self.runtime is not None and self.runtime["device"] == "gpu"

    @property
    def gpu_memory(self) -> tuple[float | None, str]:
        """The one figure for GPU memory in MB where only one can stand, and which it is.

        What NVML reports of the process, else the change of the device, else the allocator's peak; zero where the
        networks ran on the processor and NVML reports nothing of the process.
        """
        leading = self.leading
        if leading is None:
            return None, "unknown"
        whole = leading.whole
        if whole.gpu_process_mb is not None:
            return whole.gpu_process_mb, "process"
        if not self.ran_on_gpu:
            return 0.0, "processor"
        if whole.gpu_device_mb is not None:
            return whole.gpu_device_mb, "device"
        return whole.gpu_allocator_mb, "allocator" if whole.gpu_allocator_mb is not None else "unknown"


@dataclass(frozen=True)
class Profile:
    """All that was measured.

    Attributes:
        request: What was asked.
        machine: Processor, system, and the GPU's name or why there is none.
        notes: What the user must know about the figures.
        cases: One entry a scan.
        sampling: What the sampling cost in each measured process.
    """

    request: ProfileRequest
    machine: dict[str, Any]
    notes: tuple[str, ...]
    cases: tuple[CaseProfile, ...]
    sampling: tuple[SamplingCost, ...]


def profile_scans(
    request: ProfileRequest, scans: Sequence[ScanToProfile], *, on_phase: Callable[[str], None] = lambda _: None
) -> Profile:
    """Measure a system on scans, one process after the other. A faulty scan does not affect the others.

    Args:
        request: What to measure.
        scans: The scans, each with a name of its own; their label maps are written and replaced.
        on_phase: Called with a description of each phase as it begins.

    Raises:
        InputError: when two scans have one name.
        FlareError: when a measured process failed, or could not start its system.
    """
    by_name: dict[str, Case] = {}
    for scan in scans:
        if by_name.setdefault(scan.case.name, scan.case) is not scan.case:
            raise two_of_one_name(by_name[scan.case.name], scan.case)
    found = open_gpu(measured_environment())
    gpu = found if isinstance(found, Gpu) else None
    session = _Session(request, gpu, on_phase)
    try:
        cases = session.cases(scans)
    finally:
        if gpu is not None:
            gpu.close()
    return Profile(
        request=request,
        machine=_machine(found),
        notes=tuple(_notes(found, cases)),
        cases=cases,
        sampling=tuple(session.sampling),
    )


def two_of_one_name(one: Case, other: Case) -> InputError:
    """The error for two scans whose figures could not be told apart."""
    return InputError(
        "two scans have one name",
        path=other.scan,
        seen=f"{one.scan} and {other.scan}",
        remedy="Rename one of them, or profile them one by one.",
    )


class _Session:
    """The processes of one profile, and what has come of them so far."""

    def __init__(self, request: ProfileRequest, gpu: Gpu | None, on_phase: Callable[[str], None]) -> None:
        self.sampling: list[SamplingCost] = []
        self._request = request
        self._gpu = gpu
        self._on_phase = on_phase

    def cases(self, scans: Sequence[ScanToProfile]) -> tuple[CaseProfile, ...]:
        by_name = {scan.case.name: self._cold(scan.case) for scan in scans}
        for step in (self._add_warm, self._add_networks):
            sound = [entry.case for entry in by_name.values() if entry.error is None]
            if sound:
                step(sound, by_name)
        for scan in scans:
            entry = by_name[scan.case.name]
            if scan.ground_truth is not None and entry.error is None:
                self._on_phase(f"{scan.case.name}: scores")
                pair = CasePair(scan.case.labels.name, scan.case.labels, scan.ground_truth)
                by_name[scan.case.name] = replace(entry, scores=evaluate_case(pair, EvaluationSettings()))
        return tuple(by_name.values())

    def _cold(self, case: Case) -> CaseProfile:
        request, runs = self._request, []
        for number in range(request.cold_runs):
            self._on_phase(f"{case.name}: cold run {number + 1} of {request.cold_runs}")
            run = run_cold(
                request.system, request.weights, request.engine, case, gpu=self._gpu, period_s=self._period_s
            )
            self.sampling.append(run.measured.sampling)
            if isinstance(run.error, (UsageError, InstallationError)):
                raise run.error  # other scans would fail, too
            if run.error is not None:
                return CaseProfile(case, error=run.error)
            runs.append(run)
        if not runs:
            return CaseProfile(case)
        protocol = request.protocol
        seen = [(run.measured.samples, run.measured.wall_s) for run in runs]
        return CaseProfile(
            case,
            runtime=runs[-1].runtime,
            cold=tuple(cold_run_profile(run) for run in runs),
            protocol_figures=None if protocol is None else protocol.medians(seen),
        )

    def _add_warm(self, cases: list[Case], by_name: dict[str, CaseProfile]) -> None:
        if not self._request.warm_runs:
            return
        self._on_phase("warm runs")
        done, measured = do_work(
            self._work(Task.WARM, cases, self._request.warm_runs), gpu=self._gpu, period_s=self._period_s
        )
        self.sampling.append(measured.sampling)
        for case in cases:
            runs = [run for run in done.runs if run.case == case.name]
            error = next((run.error for run in runs if run.error is not None), None)
            by_name[case.name] = replace(
                by_name[case.name],
                runtime=runs[-1].runtime,
                warm=() if error else tuple(warm_run_profile(run, measured.samples) for run in runs),
                error=error,
            )

    def _add_networks(self, cases: list[Case], by_name: dict[str, CaseProfile]) -> None:
        if not self._request.networks:
            return
        self._on_phase("networks one by one")
        done, _ = do_work(self._work(Task.NETWORKS, cases), gpu=self._gpu, period_s=self._period_s)
        for name, figures in done.networks:
            by_name[name] = replace(by_name[name], networks=figures)

    def _work(self, task: Task, cases: Sequence[Case], repeats: int = 1) -> Work:
        request = self._request
        return Work(task, request.system, request.weights, request.engine, tuple(cases), repeats)

    @property
    def _period_s(self) -> float:
        protocol = self._request.protocol
        return self._request.period_s if protocol is None else protocol.period_s


def _machine(found: Gpu | NoGpu) -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "processor": _processor_name(),
        "processors": os.cpu_count(),
        "gpu": {"name": found.name, "driver": found.driver} if isinstance(found, Gpu) else None,
    }


def _processor_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _notes(found: Gpu | NoGpu, cases: Sequence[CaseProfile]) -> list[str]:
    if isinstance(found, NoGpu):
        return [found.reason]
    notes = list(found.notes)
    for case in cases:
        leading = case.leading
        if case.ran_on_gpu and leading is not None and leading.whole.gpu_process_mb is None and not notes:
            notes.append(
                "NVML did not list the process on the GPU, as in a container with a process numbering of its own: "
                "its own memory is not known."
            )
    return notes
