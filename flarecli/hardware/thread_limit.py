"""How many threads the work of a call may be shared by, known to all that is called from there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flarecli.hardware.processors import available_processors

_limit: ContextVar[int | None] = ContextVar("flare_thread_limit", default=None)


@contextmanager
def thread_limit(threads: int | None) -> Iterator[None]:
    """Let the body share its work by so many threads at most; None leaves what held before."""
    if threads is None:
        yield
        return
    token = _limit.set(threads)
    try:
        yield
    finally:
        _limit.reset(token)


def allowed_threads() -> int:
    """The limit that holds; without one, the processors that this process may use."""
    return _limit.get() or available_processors()
