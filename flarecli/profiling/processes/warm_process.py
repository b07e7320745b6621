"""Warm worker processes, which serve several runs, and the measurement of the networks."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path

from flarecli.files.refusals import write_errors
from flarecli.hardware.nvml import Gpu
from flarecli.profiling.processes.measured_process import Measured, measure_module
from flarecli.profiling.processes.work import Done, Work


def do_work(work: Work, *, gpu: Gpu | None, period_s: float) -> tuple[Done, Measured]:
    """Have the work done by a fresh process and measure that.

    Raises:
        FlareError: what stopped the work early.
        InstallationError: when the process was killed or failed.
    """
    with tempfile.TemporaryDirectory(prefix="flare-work-") as folder:
        order, result = Path(folder) / "order", Path(folder) / "result"
        with write_errors(order):
            order.write_bytes(pickle.dumps(work))
        measured = measure_module("flarecli.profiling.processes.worker", [order, result], gpu=gpu, period_s=period_s)
        if measured.exit_code != 0 or not result.exists():
            raise measured.breakdown()
        done: Done = pickle.loads(result.read_bytes())
    if done.error is not None:
        raise done.error
    return done, measured
