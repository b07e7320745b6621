"""Peak memory is this process's own."""

import subprocess
import sys

import numpy as np

from flarecli.hardware.memory import peak_rss_mb

PROGRAM = "from flarecli.hardware.memory import peak_rss_mb; print(peak_rss_mb())"


def test_peak_grows_with_what_is_touched() -> None:
    before = peak_rss_mb()
    touched = np.ones(int(before * 1e6) + 50_000_000, np.uint8)
    assert peak_rss_mb() > before + 50
    del touched


def test_a_large_parent_does_not_count() -> None:
    held = np.ones(400_000_000, np.uint8)
    child = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert 5 < float(child.stdout) < 200
    del held
