"""Memory that was freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SCRIPT = """
import re
from flarecli.hardware.memory import return_freed_memory

def resident_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1e3

blocks = [bytes(100_000) for _ in range(1000)]
del blocks[1::2]
keep = blocks[::10]
del blocks
before = resident_mb()
return_freed_memory()
print(before - resident_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_memory_between_blocks_in_use_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 30
