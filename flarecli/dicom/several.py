"""The error raised where one series is expected and there are several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flarecli.errors import InputError

CHOOSE_SERIES = "Choose one with --series, or give a folder as OUT to have each segmented."


class SeveralSeriesError(InputError):
    """Several CT series, or acquisitions of one, where one is expected."""


@contextmanager
def remedied(remedy: str) -> Iterator[None]:
    """Replace the remedy of a `SeveralSeriesError` in the body, where `--series` does not apply.

    Raises:
        SeveralSeriesError: as the body does, with this remedy.
    """
    try:
        yield
    except SeveralSeriesError as error:
        raise SeveralSeriesError(
            error.problem, path=error.path, seen=error.seen, expected="one CT series", remedy=remedy
        ) from error
