"""Builds the fake NVML library, and runs programs that see it in the place of the driver's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fake_nvml.c")


def build_fake_nvml(folder: Path) -> Path:
    """Compile the library into `folder`; skips the calling test where there is no C compiler or another system."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler on Linux to build a fake NVML")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, SOURCE], check=True)
    return library


def run_with_fake_nvml(
    library: Path, machine: str, program: str, *, visible: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a Python program in a process that finds the fake library; `machine` is what it plays."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent), "FAKE_NVML": machine, **variables}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
