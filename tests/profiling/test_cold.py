"""What a cold run asks of the command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flarecli.prediction.cases import Case
from flarecli.prediction.predictor import EngineRequest
from flarecli.profiling.processes import cold


class _Asked(Exception):
    """Ends a run when it is known what it asks for."""


@pytest.mark.parametrize(("limit", "told"), [(None, []), (1200.0, ["--max-gpu-mb", 1200.0])])
def test_the_engine_is_passed_on(limit: float | None, told: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def measure(module: str, arguments: Sequence[object], **_: Any) -> None:
        asked.extend(arguments)
        raise _Asked

    monkeypatch.setattr(cold, "measure_module", measure)
    case = Case("scan", Path("scan.nii.gz"), Path("organs.nii.gz"))
    engine = EngineRequest("torch", "gpu", "float32", 3, limit)
    with pytest.raises(_Asked):
        cold.run_cold("flarelite", (), engine, case, gpu=None, period_s=0.1)
    start = asked.index("--backend")
    assert asked[start:] == ["--backend", "torch", "--device", "gpu", "--precision", "float32", "--threads", 3, *told]
