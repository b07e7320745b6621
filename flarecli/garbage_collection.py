"""A pause of Python's garbage collection, for the time in which large packages are imported.

Nearly all objects that an import makes stay, and are walked through again and again to find that out: of the
processor time of `import tensorflow, keras` that is a fifth, of `import torch` a tenth.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_pauses = 0
_was_enabled = False


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Collect no garbage while the body runs.

    Pauses may overlap, also in several threads; the last one to end brings collection back, unless it was off before
    the first.
    """
    global _pauses, _was_enabled
    with _lock:
        if _pauses == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if _pauses == 0 and _was_enabled:
                gc.enable()
