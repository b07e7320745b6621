"""`benchmarks.gpu_check`: its rows, what it calls trouble, and the whole command with a fake NVML on the processor."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks import gpu_check
from flarecli.errors import InstallationError
from flarecli.prediction.cases import Case
from flarecli.profiling.profile import Profile, ProfileRequest, ScanToProfile
from flarecli.volume import write_scan
from tests.profiling.fake_nvml import build_fake_nvml
from tests.profiling.made_up import case_profile, profile, samples

ROOT = Path(__file__).resolve().parent.parent.parent


class Measured:
    """Answers every profile with made-up figures; bfloat16 moves the organ, float16 cannot be started."""

    def __init__(self, gpu_mb: float = 700.0) -> None:
        self.gpu_mb = gpu_mb
        self.asked: list[ProfileRequest] = []

    def __call__(self, request: ProfileRequest, scans: list[ScanToProfile], **_: object) -> Profile:
        self.asked.append(request)
        (scan,) = scans
        if request.engine.precision == "float16":
            raise InstallationError("no such arithmetic", remedy="Choose another.")
        labels = np.zeros((8, 8, 8), np.uint8)
        moved = 2 if request.engine.precision == "bfloat16" else 0
        labels[2:6, 2:6, moved : moved + 4] = 1
        write_scan(scan.case.labels, labels, np.eye(4))
        case = case_profile(seen=samples([self.gpu_mb] * 14, process_mb=self.gpu_mb), device=request.engine.device)
        return profile(replace(case, case=scan.case), request=request)


@pytest.fixture
def check(tmp_path: Path) -> gpu_check.Check:
    scan = ScanToProfile(Case("scan", tmp_path / "scan_0000.nii.gz", tmp_path / "scan.nii.gz"))
    precisions = ("float32", "bfloat16", "float16")
    return gpu_check.Check("gpu", ("flarelite",), ("torch",), precisions, scan, time.monotonic() + 100)


def lines(check: gpu_check.Check, folder: Path) -> dict[str, tuple[str, bool]]:
    """The rows by their first cells."""
    found = {}
    for line, is_trouble in gpu_check.report(check, folder):
        for row in line.splitlines():
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            found[" ".join(cells[:3] if cells[0] == "flarelite" else cells[:2])] = (row, is_trouble)
    return found


def test_rows_hold_accuracy_time_and_memory(
    check: gpu_check.Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = Measured()
    monkeypatch.setattr(gpu_check, "profile_scans", measured)
    monkeypatch.setattr(gpu_check, "_trained", lambda *_: ("| 2.50 |", False))

    found = lines(check, tmp_path)

    reference, *others = measured.asked
    assert (reference.engine.backend, reference.engine.device, reference.engine.precision) == (
        "openvino",
        "cpu",
        "float32",
    )
    assert {request.engine.device for request in others} == {"gpu"}
    row, is_trouble = found["flarelite torch float32"]
    assert row == "| flarelite | torch | float32 | 1.0000 | 0 | 1.0 | 0.7 | 700 | 0 | 500 |"
    assert not is_trouble
    row, is_trouble = found["flarelite torch bfloat16"]
    assert is_trouble, "half of an organ elsewhere is no rounding"
    assert "| 0.5000 | 64 |" in row
    row, is_trouble = found["flarelite torch float16"]
    assert is_trouble
    assert "failed: no such arithmetic" in row
    assert found["flarelite torch 3000"] == ("| flarelite | torch | 3000 | 700 | yes |", False)
    assert found["flarelite/refine torch"] == ("| flarelite/refine | torch | 2.50 |", False)
    assert [request.engine.max_gpu_mb for request in others[-2:]] == [3000, 1500]


def test_a_limit_that_is_exceeded_is_trouble(
    check: gpu_check.Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_check, "profile_scans", Measured(gpu_mb=2000.0))
    monkeypatch.setattr(gpu_check, "_trained", lambda *_: ("| 2.50 |", False))

    found = lines(replace(check, precisions=("float32",)), tmp_path)

    assert found["flarelite torch 3000"] == ("| flarelite | torch | 3000 | 2000 | yes |", False)
    assert found["flarelite torch 1500"] == ("| flarelite | torch | 1500 | 2000 | NO |", True)


def test_without_time_rows_are_listed_and_nothing_runs(
    check: gpu_check.Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = Measured()
    monkeypatch.setattr(gpu_check, "profile_scans", measured)

    found = lines(replace(check, deadline_s=time.monotonic() - 1), tmp_path)

    assert not measured.asked
    assert sum("not run: no time left" in row for row, _ in found.values()) == 3 + 2 + 1
    assert not any(is_trouble for _, is_trouble in found.values())


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "openvino", reason="once is enough")
def test_the_command_on_the_processor_with_a_fake_nvml(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    library = build_fake_nvml(tmp_path)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LD_LIBRARY_PATH": str(library.parent),
        "FAKE_NVML": "normal",
        "CUDA_VISIBLE_DEVICES": "",
    }
    environment.pop("KERAS_BACKEND", None)
    options = [
        "--device",
        "cpu",
        "--systems",
        "vgg13",
        "--backends",
        "torch",
        "--size",
        "64x56x16",
        "--without-training",
    ]

    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_check", *options, "--minutes", "20"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=1500,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    row = re.search(
        r"^\| vgg13 \| torch \| float32 \| (1\.0000|0\.999\d) \| \d+ \| [\d.]+ \| [\d.]+ \|", finished.stdout, re.M
    )
    assert row is not None, finished.stdout
    assert "limits need a GPU" in finished.stdout
