"""The error of a place that holds several series where one is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flarecli.errors import InputError

CHOOSE_SERIES = "Choose one with --series, or give a folder as OUT to have each segmented."


class SeveralSeriesError(InputError):
    """Several CT series, or acquisitions of one, where one is wanted."""


@contextmanager
def remedied(remedy: str) -> Iterator[None]:
    """Tell what to do about several series where `--series` does not choose.

    Raises:
        SeveralSeriesError: as the body does, with this remedy.
    """
    try:
        yield
    except SeveralSeriesError as error:
        raise SeveralSeriesError(
            error.problem, path=error.path, seen=error.seen, expected="one CT series", remedy=remedy
        ) from error
