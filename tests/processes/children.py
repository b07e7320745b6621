"""What children of the tests do."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np

from flarecli.processes.child import Receive, Send


def square(number: int) -> int:
    return number**2


def large(number: int) -> np.ndarray:
    """4 MB."""
    return np.full(500_000, number, np.float64)


def end_at_once(number: int) -> int:
    os._exit(1)


def fail(number: int) -> int:
    raise KeyError(number)


def take_all_memory(number: int) -> int:
    raise MemoryError


def note_and_sleep(folder: Path) -> None:
    """Leave the number of this process in a folder, as a file's name, and stay."""
    (folder / str(os.getpid())).touch()
    time.sleep(120)


def echo(receive: Receive, send: Send) -> None:
    """Send back everything."""
    while True:
        send(receive())


def die_within_a_message(receive: Receive, send: Send) -> None:
    """Die while 40 MB are on their way: the other side reads them only after that."""
    threading.Thread(target=send, args=(bytes(40_000_000),), daemon=True).start()
    time.sleep(2.0)  # the connection is full by then
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(receive: Receive, send: Send) -> None:
    """Neither send nor receive."""
    time.sleep(600)
