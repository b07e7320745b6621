"""`flare` in a process of its own that gets a signal while it writes: `python -m tests.interrupted_command`.

Arguments: the signal's number, at which flush of a file to disk it comes (1 for the first), and those of `flare`. The
system is one that needs no networks.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from flarecli.cli.entry import main
from flarecli.files import atomic
from flarecli.weights import selection
from tests.threshold_system import ThresholdSystem


def interrupt_at_flush(number: int, signal_number: int) -> None:
    """Send this process a signal in the middle of a write: the temporary file is there, the final one not yet."""
    flushes = 0
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal flushes
        flushes += 1
        flush(descriptor)
        if flushes == number:
            os.kill(os.getpid(), signal_number)
            time.sleep(0.3)  # long enough for the main thread to act on it while this one is still writing

    atomic.os.fsync = fsync


if __name__ == "__main__":
    # Of a job in the background both are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    interrupt_at_flush(int(sys.argv[2]), int(sys.argv[1]))
    selection.system_named = lambda name: ThresholdSystem()
    sys.argv = ["flare", *sys.argv[3:]]
    main()
