"""How long the command takes before it does anything."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.suite.rows import Row

_COMMAND = "from flarecli.cli.entry import main; main()"
_PROGRAMS = {
    "python alone": ("pass",),
    "flare --help": (_COMMAND, "--help"),
    "flare predict --help": (_COMMAND, "predict", "--help"),
    "import flarecli.prediction.batch": ("import flarecli.prediction.batch",),
    "import openvino": ("import openvino",),
    "import keras on OpenVINO": ("import os; os.environ['KERAS_BACKEND'] = 'openvino'; import keras",),
}


def rows(full: bool, _scans: list[Path]) -> Iterator[Row]:
    """One row a program, the median of several fresh processes."""
    repeats = 9 if full else 5
    for name, arguments in _PROGRAMS.items():
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", *arguments], check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
        yield Row("startup", name, statistics.median(seconds), note=f"median of {repeats}, least {min(seconds):.3f}")
