"""A pause of Python's garbage collection, for the time in which large packages are imported.

Nearly all objects that an import makes stay, and are walked through again and again to find that out: of the
processor time of `import tensorflow, keras` that is a fifth, of `import torch` a tenth.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, local


class _OfThread(local):
    pauses = 0


_lock = Lock()
_pauses = 0
_was_enabled = False
_of_thread = _OfThread()


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Collect no garbage while the body runs.

    Pauses may overlap, also in several threads; the last one to end brings collection back, unless it was off before
    the first. The body must not switch collection itself.
    """
    global _pauses, _was_enabled
    with _lock:
        if _pauses == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _pauses += 1
        _of_thread.pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            _of_thread.pauses -= 1
            if _pauses == 0 and _was_enabled:
                gc.enable()


def _forget_other_threads() -> None:
    """In a forked process only the thread that forked is left: pauses of others would never end."""
    global _lock, _pauses
    _lock = Lock()
    if _pauses and not _of_thread.pauses and _was_enabled:
        gc.enable()
    _pauses = _of_thread.pauses


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_other_threads)
