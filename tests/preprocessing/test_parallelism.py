"""How many processes are used by default."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli.datasets.pairs import LabelledPair
from flarecli.preprocessing import parallelism
from flarecli.preprocessing.parallelism import available_memory_bytes, suggested_jobs
from tests.datasets.labelled_files import save


def machine(root: Path, available_kb: int, maximum: str | None = None, current: str = "0") -> Path:
    (root / "proc").mkdir()
    (root / "proc" / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable: {available_kb} kB\n")
    if maximum is not None:
        (root / "sys/fs/cgroup").mkdir(parents=True)
        (root / "sys/fs/cgroup/memory.max").write_text(maximum)
        (root / "sys/fs/cgroup/memory.current").write_text(current)
    return root


def test_memory_of_the_machine_and_of_its_container(tmp_path: Path) -> None:
    for number, (maximum, expected) in enumerate([(None, 2048000), ("max", 2048000), ("900000", 600000)]):
        root = tmp_path / str(number)
        root.mkdir()
        assert available_memory_bytes(machine(root, 2000, maximum, "300000")) == expected
    assert available_memory_bytes(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(("memory_mb", "jobs"), [(100_000, 8), (1000, 4), (250, 1), (10, 1)])
def test_as_many_as_memory_bears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory_mb: int, jobs: int) -> None:
    monkeypatch.setattr(parallelism, "available_processors", lambda: 8)
    monkeypatch.setattr(parallelism, "available_memory_bytes", lambda: memory_mb * 1_000_000)
    (tmp_path / "broken.nii.gz").write_text("no image")
    scan = save(tmp_path / "scan.nii.gz", np.zeros((100, 100, 100), np.uint8))
    pairs = [
        LabelledPair("large", scan, None),
        LabelledPair("none", None, scan),
        LabelledPair("missing", tmp_path / "x.nii.gz", None),
        LabelledPair("broken", tmp_path / "broken.nii.gz", None),
        LabelledPair("slices", tmp_path, None),
    ]
    assert suggested_jobs(pairs) == jobs


def test_unknown_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallelism, "available_processors", lambda: 3)
    monkeypatch.setattr(parallelism, "available_memory_bytes", lambda: None)
    assert suggested_jobs([]) == 3
