"""Measured processes that are killed while they tell what they did."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flarecli.errors import InstallationError
from flarecli.prediction.cases import Case
from flarecli.prediction.predictor import EngineRequest
from flarecli.profiling.processes import cold, warm_process
from flarecli.profiling.processes.measured_process import Measured
from flarecli.profiling.processes.work import Done, Task, Work
from tests.profiling.made_up import COST


def killed(printed: str = "") -> Measured:
    return Measured(0.0, 1.0, 0.5, (), COST, -9, printed, "no message")


def test_a_result_that_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(module: str, arguments: Sequence[Path], **_: Any) -> Measured:
        arguments[1].write_bytes(pickle.dumps(Done())[:-5])
        return killed()

    monkeypatch.setattr(warm_process, "measure_module", measure)
    work = Work(Task.WARM, "flarelite", (), EngineRequest(), (), 1)
    with pytest.raises(InstallationError, match="was killed; seen: signal 9"):
        warm_process.do_work(work, gpu=None, period_s=0.1)


def test_a_trace_that_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(module: str, arguments: Sequence[Path], **_: Any) -> Measured:
        Path(arguments[0]).write_text('{"name": "start", "sta')
        return killed(json.dumps({"record": {"runtime": {}}}))

    monkeypatch.setattr(cold, "measure_module", measure)
    case = Case("scan", Path("scan.nii.gz"), Path("organs.nii.gz"))
    with pytest.raises(InstallationError, match="signal 9"):
        cold.run_cold("flarelite", (), EngineRequest(), case, gpu=None, period_s=0.1)


def test_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    from flarecli.profiling.processes import measured_process

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(measured_process.subprocess, "Popen", refuse)
    with pytest.raises(InstallationError, match="could not be started; seen: Resource temporarily"):
        measured_process.measure_module("json", [], gpu=None, period_s=0.1)
