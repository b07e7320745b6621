"""The C library keeps memory for the next update; looked at in processes of their own, since it stays so."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest

pytestmark = pytest.mark.any_backend

BLOCK_MB = 64
FAULTS_OF_A_SECOND_BLOCK = f"""
import resource
from flarecli.training.learning.freed_memory import keep_freed_memory
keep_freed_memory() if KEEP else None
fill = lambda: len(b"x" * {BLOCK_MB << 20})
fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keep: bool) -> int:
    code = FAULTS_OF_A_SECOND_BLOCK.replace("KEEP", str(keep))
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library cannot be told")
def test_a_block_that_was_freed_is_had_again_without_new_pages() -> None:
    pages = (BLOCK_MB << 20) // resource.getpagesize()
    assert faults(keep=False) > pages // 2
    assert faults(keep=True) < pages // 100
