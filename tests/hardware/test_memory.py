"""Peak memory is this process's own."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from flarecli.hardware.memory import available_bytes, peak_rss_mb

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


def test_available_memory_is_what_a_container_leaves(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n")
    assert available_bytes(tmp_path) == 4_000_000 * 1024
    (tmp_path / "proc/self/cgroup").write_text("0::/job\n")
    group = tmp_path / "sys/fs/cgroup/job"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("1000000000\n")
    (group / "memory.current").write_text("700000000\n")
    (group / "memory.stat").write_text("anon 500000000\ninactive_file 200000000\n")
    assert available_bytes(tmp_path) == 500_000_000
    (group / "memory.max").write_text("max\n")
    assert available_bytes(tmp_path) == 4_000_000 * 1024


def test_available_memory_is_what_ulimit_leaves() -> None:
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30));"
        "from flarecli.hardware.memory import available_bytes; print(available_bytes())"
    )
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 2e9 < float(child.stdout) < 3 << 30
