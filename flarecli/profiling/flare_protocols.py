"""Efficiency as the FLARE challenges measured it: every 0.1 s, the whole device, the whole machine.

Source: the challenges' public evaluation scripts, 2021 and 2022. They timed `docker run`; here it is a fresh process
without a container.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from flarecli.profiling.sampler import Sample

_PERIOD_S = 0.1
_STABLE_SHARE = 0.02


@dataclass(frozen=True)
class FlareProtocol:
    """A challenge's way to measure efficiency.

    Attributes:
        name: Its name on the command line.
        period_s: Pause between two samples; every area is the sum of the samples times this.
        name_column: Column of the case's file name.
        columns: The other columns of its table.
        figures: From the samples and the seconds of a run to the columns' values; a value is None where it is not
            known.
    """

    name: str
    period_s: float
    name_column: str
    columns: tuple[str, ...]
    figures: Callable[[Sequence[Sample], float], dict[str, float | None]]

    def medians(self, runs: Sequence[tuple[Sequence[Sample], float]]) -> dict[str, float | None]:
        """The median of each column over several runs of one case, given as samples and seconds."""
        tables = [self.figures(samples, seconds) for samples, seconds in runs]
        by_column = {
            column: [value for table in tables if (value := table[column]) is not None] for column in self.columns
        }
        return {column: statistics.median(values) if values else None for column, values in by_column.items()}


def stable_maximum(values: Sequence[float]) -> float:
    """Greatest of the values that make up more than 2 % of the samples each; of all, where none does.

    The script fails where none does.
    """
    counts = Counter(values)
    frequent = [value for value, count in counts.items() if count > _STABLE_SHARE * len(values)]
    return max(frequent or values)


def cpu_utilisation_percent(samples: Sequence[Sample]) -> list[float]:
    """100 less the idle share of all processors between samples, as FLARE22's script has it.

    Its share is taken of the elapsed processor seconds plus 0.1, so an idle machine does not show zero: with two
    processors sampled every 0.1 s it shows 33 %, with twelve 8 %.
    """
    used = []
    for earlier, later in pairwise(samples):
        deltas = [b - a for a, b in zip(earlier.machine_cpu_s, later.machine_cpu_s, strict=True)]
        used.append(100.0 - 100.0 * deltas[2] / (sum(deltas) + 0.1))
    return used


def _flare21(samples: Sequence[Sample], seconds: float) -> dict[str, float | None]:
    gpu = _gpu_taken_mib(samples)
    return {
        "time": seconds,
        "gpu_memory": None if gpu is None else stable_maximum(gpu),
        "time_multiply_memory": None if gpu is None else sum(gpu) * _PERIOD_S,
    }


def _flare22(samples: Sequence[Sample], seconds: float) -> dict[str, float | None]:
    gpu, cpu = _gpu_taken_mib(samples), cpu_utilisation_percent(samples)
    ram = [sample.machine_ram_mib for sample in samples]
    return {
        "Time": round(seconds, 2),
        "GPU_Mem": None if gpu is None else round(stable_maximum(gpu)),
        "AUC_GPU_Time": None if gpu is None else round(sum(gpu) * _PERIOD_S),
        "CPU_Utilization": round(max(cpu), 2),
        "AUC_CPU_Time": round(sum(cpu) * _PERIOD_S, 2),
        "RAM": round(max(ram), 2),
        "AUC_RAM_Time": round(sum(ram) * _PERIOD_S),
    }


def _gpu_taken_mib(samples: Sequence[Sample]) -> list[float] | None:
    taken = [sample.gpu_taken_mib for sample in samples if sample.gpu_taken_mib is not None]
    return taken or None


FLARE21 = FlareProtocol("flare21", _PERIOD_S, "name", ("time", "gpu_memory", "time_multiply_memory"), _flare21)
FLARE22 = FlareProtocol(
    "flare22",
    _PERIOD_S,
    "Name",
    ("Time", "GPU_Mem", "AUC_GPU_Time", "CPU_Utilization", "AUC_CPU_Time", "RAM", "AUC_RAM_Time"),
    _flare22,
)
FLARE_PROTOCOLS = {protocol.name: protocol for protocol in (FLARE21, FLARE22)}
