"""A cheap system for whole profiles: known to this process and, through its start-up, to the measured ones."""

from __future__ import annotations

from pathlib import Path

import pytest

_START_UP = """
import os, sys
from flarecli.systems import registry
registry._SYSTEMS["threshold"] = ("tests.threshold_system", "ThresholdSystem")
if "flarecli.profiling.processes.observed_command" in sys.orig_argv and os.environ.get("FAKE_NVML_PROCESS"):
    with open(os.environ["FAKE_NVML_PROCESS"], "w") as file:
        file.write(f"{os.getpid()} 250")
"""


def register_threshold_system(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `--system threshold` known to processes that are started from here; it needs no networks."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(_START_UP, encoding="utf-8")
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{root}")
    from flarecli.systems import registry

    monkeypatch.setitem(registry._SYSTEMS, "threshold", ("tests.threshold_system", "ThresholdSystem"))
