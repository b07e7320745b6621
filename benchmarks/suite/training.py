"""Training, as its slow tests do it: a few phantoms learnt by heart."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.suite.rows import Row

_NOTHING_COLLECTED = 5  # pytest's exit code


def rows(full: bool, _scans: list[Path]) -> Iterator[Row]:
    """The slow tests of training as one row; in the full mode only."""
    if not full:
        yield Row("training", "slow tests", note="not run: full mode only")
        return
    start, before = time.perf_counter(), os.times()
    ended = subprocess.run([sys.executable, "-m", "pytest", "-q", "-m", "slow", "tests/training"], check=False)
    seconds, after = time.perf_counter() - start, os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    outcome = {0: "passed", _NOTHING_COLLECTED: "there are none"}.get(ended.returncode, f"failed: {ended.returncode}")
    yield Row("training", "slow tests", seconds, cpu_s, note=outcome)
