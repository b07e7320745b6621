"""Cold runs: `flare predict` itself, in a fresh process."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.errors import FlareError, error_from_dict
from flarecli.hardware.nvml import Gpu
from flarecli.prediction.cases import Case
from flarecli.prediction.predictor import EngineRequest
from flarecli.profiling.processes.measured_process import Measured, measure_module
from flarecli.profiling.step_meter import Span


@dataclass(frozen=True)
class ColdRun:
    """One run of the command on one scan.

    Attributes:
        measured: The process from outside.
        steps: Its steps from inside, in the order in which they ended; the first is "start", which began with the
            process. Empty where it failed at once.
        runtime: What computed the networks; None where it failed.
        error: Why it failed.
    """

    measured: Measured
    steps: tuple[Span, ...]
    runtime: dict[str, Any] | None = None
    error: FlareError | None = None


def run_cold(
    system: str, weights: tuple[str, ...], engine: EngineRequest, case: Case, *, gpu: Gpu | None, period_s: float
) -> ColdRun:
    """Segment a case by the command and measure that.

    Raises:
        InstallationError: when the process was killed or failed.
    """
    arguments = ["predict", case.scan, case.labels, "--overwrite", "--json", "--system", system]
    arguments += ["--backend", engine.backend, "--device", engine.device, "--precision", engine.precision]
    arguments += [] if engine.threads is None else ["--threads", engine.threads]
    arguments += [] if engine.max_gpu_mb is None else ["--max-gpu-mb", engine.max_gpu_mb]
    for choice in weights:
        arguments += ["--weights", choice]
    with tempfile.TemporaryDirectory(prefix="flare-trace-") as folder:
        trace = Path(folder) / "trace"
        measured = measure_module(
            "flarecli.profiling.processes.observed_command", [trace, *arguments], gpu=gpu, period_s=period_s
        )
        lines = trace.read_text(encoding="utf-8").splitlines() if trace.exists() else []
    try:
        # Of a process that was killed both may be cut off.
        steps = tuple(Span(**json.loads(line)) for line in lines)
        told = json.loads(measured.printed)
    except ValueError:
        raise measured.breakdown() from None
    if told.get("error") is not None:
        return ColdRun(measured, steps, error=error_from_dict(told["error"]))
    return ColdRun(measured, steps, runtime=told["record"]["runtime"])
