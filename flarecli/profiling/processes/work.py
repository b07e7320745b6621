"""What a worker process is asked to do, and what it reports when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flarecli.errors import FlareError
from flarecli.prediction.cases import Case
from flarecli.prediction.predictor import EngineRequest
from flarecli.profiling.networks.network_measurement import NetworkMeasurement
from flarecli.profiling.step_meter import Span


class Task(StrEnum):
    """What such a process does."""

    WARM = "warm"
    """Segments each case once to warm up, then as often as asked."""
    NETWORKS = "networks"
    """Measures the networks one by one; its runs are not timed as a whole."""


@dataclass(frozen=True)
class Work:
    """The request to such a process.

    Attributes:
        task: What to do.
        system: Name of the system.
        weights: Choices of weights, as for `flarecli.prediction.Predictor`.
        engine: Backend, device, precision, threads, limit of GPU memory.
        cases: The scans and where their label maps go.
        repeats: Timed runs of each case.
    """

    task: Task
    system: str
    weights: tuple[str, ...]
    engine: EngineRequest
    cases: tuple[Case, ...]
    repeats: int = 1


@dataclass(frozen=True)
class CaseRun:
    """One run of one case, seen from inside.

    Attributes:
        case: Name of the case.
        whole: From the order to segment it to its record on disk.
        steps: Its steps, in the order in which they ended.
        runtime: What computed it; None where it failed.
        error: Why it failed.
    """

    case: str
    whole: Span
    steps: tuple[Span, ...]
    runtime: dict[str, Any] | None = None
    error: FlareError | None = None


@dataclass(frozen=True)
class Done:
    """The report of such a process.

    Attributes:
        runs: The timed runs.
        networks: Figures of the networks by case, where these were asked for.
        error: Why the work stopped early.
    """

    runs: tuple[CaseRun, ...] = ()
    networks: tuple[tuple[str, tuple[NetworkMeasurement, ...]], ...] = ()
    error: FlareError | None = None
