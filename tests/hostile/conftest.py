"""Odd inputs are tried with a system that needs no networks."""

from __future__ import annotations

import pytest

from tests.threshold_system import ThresholdSystem


@pytest.fixture
def threshold_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """`flare predict` calls soft tissue liver."""
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())
