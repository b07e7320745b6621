"""Memory and processor use over time, sampled from another process than the measured one."""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise

import psutil

from flarecli.hardware.nvml import Gpu

DEFAULT_PERIOD_S = 0.02

_BUSY_KINDS = ("user", "nice", "system", "irq", "softirq", "steal")
"""Fields of `psutil.cpu_times` on Linux besides idle and waiting; other systems have some of them."""


@dataclass(frozen=True)
class Sample:
    """One sample of the machine.

    Attributes:
        at_s: When, by `time.monotonic`.
        rss_mb: Resident memory of the measured process, MB (10^6 bytes); None before it began and after it ended.
        cpu_s: Processor seconds it has used so far; likewise.
        gpu_used_mb: In use on the whole GPU, MB; None without a GPU.
        gpu_taken_mib: Total less free of the GPU, MiB, as the FLARE scripts read it; None without a GPU.
        gpu_process_mb: GPU memory of the measured process, MB; None where NVML does not tell.
        gpu_energy_j: Energy that the whole GPU has used so far, J; None without a counter.
        machine_cpu_s: Seconds of user, system and idle time of all processors since the machine began.
        machine_busy_s: Seconds that all processors were not free, for whatever reason, the host of a virtual machine
            included.
        machine_ram_mib: Memory in use on the whole machine, MiB.
    """

    at_s: float
    rss_mb: float | None
    cpu_s: float | None
    gpu_used_mb: float | None
    gpu_taken_mib: float | None
    gpu_process_mb: float | None
    gpu_energy_j: float | None
    machine_cpu_s: tuple[float, float, float]
    machine_busy_s: float
    machine_ram_mib: float


@dataclass(frozen=True)
class SamplingCost:
    """Cost of the sampling itself.

    Attributes:
        samples: How many were taken.
        wanted_period_s: The pause between two of them.
        median_period_s: The distance that came out.
        longest_gap_s: The greatest distance: what is shorter may have been missed.
        cpu_s: Processor seconds of the sampling thread.
        wall_s: How long it sampled.
    """

    samples: int
    wanted_period_s: float
    median_period_s: float
    longest_gap_s: float
    cpu_s: float
    wall_s: float

    @property
    def share_of_a_core(self) -> float:
        """Processor time by wall time."""
        return self.cpu_s / self.wall_s if self.wall_s else 0.0


@dataclass
class Sampler:
    """Samples on a thread of its own while it is entered; the measured process may begin and end in this time.

    Args:
        gpu: The GPU to read, where there is one.
        period_s: Pause between two samples.
    """

    gpu: Gpu | None = None
    period_s: float = DEFAULT_PERIOD_S
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample_on, name="flare-sample", daemon=True)
        self._process: psutil.Process | None = None
        self._cpu_s = 0.0

    def __enter__(self) -> Sampler:
        self.samples.append(self._look())
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self.samples.append(self._look())

    def watch(self, pid: int) -> None:
        """Sample this process from now on."""
        try:
            self._process = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._process = None

    @property
    def cost(self) -> SamplingCost:
        """What the sampling took, up to now."""
        moments = [sample.at_s for sample in self.samples]
        gaps = [later - earlier for earlier, later in pairwise(moments)] or [0.0]
        return SamplingCost(
            samples=len(moments),
            wanted_period_s=self.period_s,
            median_period_s=statistics.median(gaps),
            longest_gap_s=max(gaps),
            cpu_s=self._cpu_s,
            wall_s=moments[-1] - moments[0] if moments else 0.0,
        )

    def _sample_on(self) -> None:
        while not self._stop.wait(self.period_s):
            self.samples.append(self._look())
            self._cpu_s = time.thread_time()

    def _look(self) -> Sample:
        rss_mb, cpu_s, pid = None, None, None
        if self._process is not None:
            try:
                with self._process.oneshot():
                    rss_mb = self._process.memory_info().rss / 1e6
                    times = self._process.cpu_times()
                cpu_s, pid = times.user + times.system, self._process.pid
            except psutil.Error:
                self._process = None
        reading = None if self.gpu is None else self.gpu.read(pid)
        machine = psutil.cpu_times()
        return Sample(
            at_s=time.monotonic(),
            rss_mb=rss_mb or None,  # a process that has ended and is not yet waited for has no memory
            cpu_s=cpu_s,
            gpu_used_mb=None if reading is None else reading.used_mb,
            gpu_taken_mib=None if reading is None else reading.taken_mib,
            gpu_process_mb=None if reading is None else reading.process_mb,
            gpu_energy_j=None if reading is None else reading.energy_j,
            machine_cpu_s=(machine.user, machine.system, machine.idle),
            machine_busy_s=sum(getattr(machine, kind, 0.0) for kind in _BUSY_KINDS),
            machine_ram_mib=psutil.virtual_memory().used / 2**20,
        )
