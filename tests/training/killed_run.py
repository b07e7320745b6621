"""Trains in a process of its own, which kills itself when it brings a file to disk for the n-th time.

`python -m tests.training.killed_run N RUN`; with N = 0 it lives.
"""

from __future__ import annotations

import os
import signal
import sys

from tests.training import small

_flush = os.fsync
_left = int(sys.argv[1])


def flush_or_die(handle: int) -> None:
    global _left
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    _flush(handle)


if __name__ == "__main__":
    os.fsync = flush_or_die
    small.main(sys.argv[2], "4")
